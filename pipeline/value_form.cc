// SPDX-License-Identifier: Apache-2.0
#include "pipeline/value_form.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kDigitsMax = 9;  // more than any number of a picture has, and safe to compute
constexpr int kDecimalsMax = 3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The pieces of a form's text, one after the other.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}
  // A number's name, or a single character that stands for itself ("" at the end). A "<" that no
  // name and ">" follow stands for itself too: "<w>x<h><" ends in one.
  struct Piece {
    std::string_view name;
    char literal = 0;
    [[nodiscard]] bool at_end() const { return name.empty() && literal == 0; }
  };
  Piece next() {
    if (rest_.empty()) return {};
    if (rest_.front() == '<') {
      std::size_t end = 1;
      while (end < rest_.size() && rest_[end] >= 'a' && rest_[end] <= 'z') ++end;
      if (end > 1 && end < rest_.size() && rest_[end] == '>') {
        const std::string_view name = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 1);
        return {name, 0};
      }
    }
    const char literal = rest_.front();
    rest_.remove_prefix(1);
    return {{}, literal};
  }

 private:
  std::string_view rest_;
};

// Takes digits off the front of `rest`; nullopt when there are none, or too many.
std::optional<double> take_digits(std::string_view& rest, std::size_t& count) {
  count = 0;
  double value = 0;
  while (count < rest.size() && is_digit(rest[count])) value = value * 10 + (rest[count++] - '0');
  rest.remove_prefix(count);
  if (count == 0 || count > kDigitsMax) return std::nullopt;
  return value;
}

// Takes a number off the front of `rest`; nullopt when there is none or it is out of range.
std::optional<double> take_number(const FormNumber& number, std::string_view& rest) {
  double sign = 1;
  if (number.is_offset) {
    if (rest.empty() || (rest.front() != 'a' && rest.front() != '-')) return std::nullopt;
    if (rest.front() == '-') sign = -1;
    rest.remove_prefix(1);
  }
  std::size_t count = 0;
  auto value = take_digits(rest, count);
  if (!value) return std::nullopt;
  if (number.decimals_max > 0 && rest.starts_with('.')) {
    rest.remove_prefix(1);
    const auto fraction = take_digits(rest, count);
    if (!fraction || count > static_cast<std::size_t>(number.decimals_max)) return std::nullopt;
    *value += *fraction / std::pow(10.0, static_cast<double>(count));
  }
  if (*value < static_cast<double>(number.min) || *value > static_cast<double>(number.max)) {
    return std::nullopt;
  }
  return *value == 0 ? 0 : sign * *value;
}

std::optional<std::vector<double>> numbers_of(const ValueForm& form, std::string_view given) {
  std::vector<double> numbers;
  Pieces pieces(form.text);
  for (auto piece = pieces.next(); !piece.at_end(); piece = pieces.next()) {
    if (piece.name.empty()) {
      if (!given.starts_with(piece.literal)) return std::nullopt;
      given.remove_prefix(1);
      continue;
    }
    const auto value = take_number(form.numbers[numbers.size()], given);
    if (!value) return std::nullopt;
    numbers.push_back(*value);
  }
  if (!given.empty()) return std::nullopt;
  return numbers;
}

std::string number_text(const FormNumber& number, double value) {
  std::string text = fmt::format("{:.{}f}", std::abs(value), number.decimals_max);
  if (number.decimals_max > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return number.is_offset ? (value < 0 ? "-" : "a") + text : text;
}

base::Failure unsound(const ValueForm& form, std::string_view what) {
  return base::fail(base::Reason::Internal,
                    fmt::format("the form {} is not sound: {}", in_quotes(form.text), what));
}

}  // namespace

std::optional<FormValue> match_form(const std::vector<ValueForm>& forms, std::string_view given) {
  for (std::size_t i = 0; i < forms.size(); ++i) {
    if (auto numbers = numbers_of(forms[i], given)) return FormValue{i, std::move(*numbers)};
  }
  return std::nullopt;
}

std::string form_text(const std::vector<ValueForm>& forms, const FormValue& value) {
  const ValueForm& form = forms[value.form];
  std::string text;
  std::size_t index = 0;
  Pieces pieces(form.text);
  for (auto piece = pieces.next(); !piece.at_end(); piece = pieces.next()) {
    if (piece.name.empty()) {
      text += piece.literal;
    } else {
      text += number_text(form.numbers[index], value.numbers[index]);
      ++index;
    }
  }
  return text;
}

base::Result<void> validate(const ValueForm& form) {
  if (form.text.empty() || form.text.find_first_of("/|&") != std::string::npos) {
    return unsound(form, "it is no segment of a URL");
  }
  std::size_t index = 0;
  bool after_number = false;
  Pieces pieces(form.text);
  for (auto piece = pieces.next(); !piece.at_end(); piece = pieces.next()) {
    if (piece.name.empty()) {
      after_number = false;
      continue;
    }
    if (index >= form.numbers.size() || form.numbers[index].name != piece.name) {
      return unsound(form, "its numbers are not those of its text");
    }
    const FormNumber& number = form.numbers[index++];
    if (after_number && !number.is_offset) return unsound(form, "two numbers touch");
    if (number.min < 0 || number.min > number.max || number.max >= 1'000'000'000 ||
        number.decimals_max < 0 || number.decimals_max > kDecimalsMax) {
      return unsound(form, fmt::format("{} has an impossible range", number.name));
    }
    after_number = true;
  }
  if (index != form.numbers.size()) return unsound(form, "it has more numbers than its text");
  return {};
}

}  // namespace millrace::pipeline
