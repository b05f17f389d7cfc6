// SPDX-License-Identifier: Apache-2.0

// Not a parser of XML: it only has to find the ends of things as libxml2 finds them, and where the
// two could differ it refuses.
#include "workers/image/readers/svg_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::workers::image {
namespace {

using namespace std::string_view_literals;
using base::Reason;

constexpr std::size_t kPrologBytesMax = std::size_t{64} << 10;
constexpr std::size_t kFileBytesMax = std::size_t{8} << 20;
constexpr std::size_t kElementsMax = 100'000;
constexpr std::size_t kEntitiesMax = 100;
constexpr std::size_t kEntityNameBytesMax = 256;
constexpr std::size_t kEntityBytesMax = 4096;
constexpr std::size_t kExpansionBytesMax = std::size_t{256} << 10;
constexpr std::string_view kSpaces = " \t\r\n";

base::Failure refuse(const char* sentence) {
  return base::fail(Reason::UnsupportedMedia, sentence);
}

bool is_space(char c) { return kSpaces.find(c) != std::string_view::npos; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] bool sees(std::string_view wanted) const { return rest().starts_with(wanted); }
  bool take(std::string_view wanted) {
    if (!sees(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  void skip_spaces() { at_ += std::min(rest().find_first_not_of(kSpaces), rest().size()); }
  void skip(std::size_t count) { at_ += std::min(count, rest().size()); }
  // To behind `end`; false when there is none.
  bool skip_past(std::string_view end) {
    const std::size_t found = rest().find(end);
    if (found == std::string_view::npos) return false;
    at_ += found + end.size();
    return true;
  }
  // Up to any of `ends`, which stay.
  std::string_view until_any(std::string_view ends) {
    const std::string_view taken = rest().substr(0, rest().find_first_of(ends));
    at_ += taken.size();
    return taken;
  }
  std::optional<std::string_view> quoted() {
    if (at_end() || (text_[at_] != '"' && text_[at_] != '\'')) return std::nullopt;
    const char quote = text_[at_];
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// Comments and instructions; false when one has no end.
bool skip_asides(Scanner& scanner) {
  while (true) {
    scanner.skip_spaces();
    if (scanner.take("<!--")) {
      if (!scanner.skip_past("-->")) return false;
    } else if (scanner.take("<?")) {
      if (!scanner.skip_past("?>")) return false;
    } else {
      return true;
    }
  }
}

using Entities = std::map<std::string, std::size_t, std::less<>>;  // name -> bytes of its text

// One <!ENTITY …>, behind that word.
base::Result<void> read_entity(Scanner& scanner, Entities& entities) {
  scanner.skip_spaces();
  const std::string_view name = scanner.until_any(" \t\r\n\"'<>&%");
  scanner.skip_spaces();
  const auto value = scanner.quoted();
  scanner.skip_spaces();
  const bool plain = value && value->find_first_of("<&%") == std::string_view::npos;
  if (name.empty() || name.size() > kEntityNameBytesMax || !plain ||
      value->size() > kEntityBytesMax || !scanner.take(">")) {
    return refuse(
        "The SVG declares an entity of a kind that is not allowed; only short plain text is.");
  }
  if (entities.size() >= kEntitiesMax) return refuse("The SVG declares too many entities.");
  entities.emplace(name, value->size());  // the first declaration counts
  return {};
}

// What stands between the brackets of a document type.
base::Result<void> read_subset(Scanner& scanner, Entities& entities) {
  while (true) {
    if (!skip_asides(scanner)) return refuse("The SVG's document type has no end.");
    if (scanner.take("]")) return {};
    if (!scanner.take("<!ENTITY") || scanner.at_end() || !is_space(scanner.rest().front())) {
      return refuse("The SVG's document type declares something else than entities.");
    }
    if (auto read = read_entity(scanner, entities); !read) return read;
  }
}

// Behind "<!DOCTYPE".
base::Result<void> read_document_type(Scanner& scanner, Entities& entities) {
  while (true) {
    scanner.until_any("[>\"'");
    if (scanner.at_end()) return refuse("The SVG's document type has no end.");
    if (scanner.take(">")) return {};
    if (scanner.take("[")) {
      if (auto read = read_subset(scanner, entities); !read) return read;
    } else if (!scanner.quoted()) {
      return refuse("The SVG's document type has no end.");
    }
  }
}

// Everything in front of the root element.
base::Result<void> read_prolog(Scanner& scanner, Entities& entities) {
  scanner.take("\xEF\xBB\xBF");
  if (!skip_asides(scanner)) return refuse("The SVG has no root element.");
  if (scanner.take("<!DOCTYPE")) {
    if (auto read = read_document_type(scanner, entities); !read) return read;
    if (!skip_asides(scanner)) return refuse("The SVG has no root element.");
  }
  return {};
}

bool is_svg_root(std::string_view text) {
  if (!text.starts_with('<')) return false;
  std::string_view name = text.substr(1, text.find_first_of(" \t\r\n/>") - 1);
  const std::size_t colon = name.find(':');
  if (colon != std::string_view::npos) name.remove_prefix(colon + 1);
  return name == "svg" && text.size() > 1 + name.size();
}

std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What the references in `text` expand to, in bytes.
std::size_t expansion_of(std::string_view text, const Entities& entities) {
  std::size_t bytes = 0;
  for (std::size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
    const std::string_view near = text.substr(at + 1, kEntityNameBytesMax + 1);
    const std::string_view name = near.substr(0, near.find(';'));
    const auto found = entities.find(name);
    if (found != entities.end()) bytes += found->second;
  }
  return bytes;
}

}  // namespace

bool begins_like_svg(ByteSpan file) {
  Scanner scanner(text_of(file.first(std::min(file.size(), kPrologBytesMax))));
  Entities entities;
  scanner.take("\xEF\xBB\xBF");
  if (!skip_asides(scanner)) return false;
  if (scanner.take("<!DOCTYPE")) {
    scanner.skip_spaces();
    // Which entities it declares is check_svg's to judge.
    if (scanner.sees("svg")) return true;
    if (!read_document_type(scanner, entities) || !skip_asides(scanner)) return false;
  }
  return is_svg_root(scanner.rest());
}

base::Result<void> check_svg(ByteSpan file) {
  if (file.size() > kFileBytesMax) return refuse("The SVG is larger than 8 MiB.");
  const std::string_view text = text_of(file);
  Scanner scanner(text);
  Entities entities;
  if (auto read = read_prolog(scanner, entities); !read) return read;
  if (!is_svg_root(scanner.rest())) return refuse("The XML document is not an SVG.");
  // A second one would be an error of the parser, but not of every parser.
  if (scanner.rest().find("<!DOCTYPE") != std::string_view::npos ||
      scanner.rest().find("<!ENTITY") != std::string_view::npos) {
    return refuse("The SVG declares entities in the wrong place.");
  }
  // Closing tags and comments are counted as well: a little too much is no harm.
  if (static_cast<std::size_t>(std::ranges::count(scanner.rest(), '<')) > 2 * kElementsMax) {
    return refuse("The SVG has more than 100,000 elements.");
  }
  if (expansion_of(scanner.rest(), entities) > kExpansionBytesMax) {
    return refuse("The entities of the SVG expand to more than 256 KiB.");
  }
  return {};
}

}  // namespace millrace::workers::image
