// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/svg_check.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

const std::string kRoot = "<svg xmlns='http://www.w3.org/2000/svg'><path d=''/></svg>";

bool begins(const std::string& text) { return begins_like_svg(span_of(text)); }
bool passes(const std::string& text) { return check_svg(span_of(text)).has_value(); }
std::string with_subset(const std::string& declarations, const std::string& root = kRoot) {
  return "<!DOCTYPE svg [" + declarations + "]>" + root;
}

TEST(SvgCheckTest, FindsTheRootBehindWhateverStandsInFrontOfIt) {
  for (const std::string front :
       {"", "\xEF\xBB\xBF", "\n  ", "<?xml version='1.0' encoding='UTF-8'?>\n",
        "<!-- <html> --> <?xml-stylesheet href='a.css'?>",
        "<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' "
        "'http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd'>\n",
        "<!DOCTYPE svg>"}) {
    EXPECT_TRUE(begins(front + kRoot)) << front;
    EXPECT_TRUE(passes(front + kRoot)) << front;
  }
  EXPECT_TRUE(begins("<s:svg xmlns:s='http://www.w3.org/2000/svg'/>"));
  EXPECT_TRUE(begins("<svg>"));
  EXPECT_TRUE(begins("<svg/>"));
}

TEST(SvgCheckTest, OtherRootsAreNoSvg) {
  for (const std::string text :
       {"", "<", "<svg", "<svgx>", "<html><svg/></html>", "<!-- <svg> ", "<?xml <svg>",
        "<!DOCTYPE html><html><svg/></html>", "svg", " <xsvg:a/>", "<a:b:svg2>"}) {
    EXPECT_FALSE(begins(text)) << text;
  }
  // Far from the beginning it is not looked for.
  EXPECT_FALSE(begins(std::string(70'000, ' ') + kRoot));
}

TEST(SvgCheckTest, TakesTheEntitiesThatDrawingProgramsWrite) {
  EXPECT_TRUE(
      passes(with_subset("<!ENTITY ns_svg \"http://www.w3.org/2000/svg\">\n"
                         "<!-- from a drawing program -->\n"
                         "<!ENTITY ns_xlink 'http://www.w3.org/1999/xlink'>",
                         "<svg xmlns='&ns_svg;' xmlns:x='&ns_xlink;'/>")));
}

TEST(SvgCheckTest, RefusesEntitiesThatAreMoreThanText) {
  for (const std::string declaration :
       {"<!ENTITY a SYSTEM 'file:///etc/passwd'>", "<!ENTITY a PUBLIC 'x' 'http://a/'>",
        "<!ENTITY % a 'x'>", "<!ENTITY % a SYSTEM 'http://a/'> %a;", "<!ENTITY a '&b;'>",
        "<!ENTITY a '&#38;b;'>", "<!ENTITY a '<image/>'>", "<!ENTITY a '%b;'>", "%a;",
        "<!ATTLIST image href CDATA 'data:,'>", "<!ELEMENT svg ANY>", "<!NOTATION a SYSTEM 'b'>",
        "<!ENTITY a 'b' NDATA c>", "<!ENTITYa 'b'>", "<!ENTITY 'b'>", "<!ENTITY a 'b"}) {
    EXPECT_FALSE(passes(with_subset(declaration))) << declaration;
  }
  EXPECT_FALSE(passes(with_subset("<!ENTITY a '" + std::string(4097, 'x') + "'>")));
  EXPECT_TRUE(passes(with_subset("<!ENTITY a '" + std::string(4096, 'x') + "'>")));
}

TEST(SvgCheckTest, BoundsWhatEntitiesExpandTo) {
  const std::string declaration = "<!ENTITY a '" + std::string(1024, 'x') + "'>";
  const auto times = [&](int count) {
    std::string root = "<svg>";
    for (int i = 0; i < count; ++i) root += "&a;";
    return with_subset(declaration, root + "</svg>");
  };
  EXPECT_TRUE(passes(times(256)));
  EXPECT_FALSE(passes(times(257)));
  std::string many;
  for (int i = 0; i < 101; ++i) many += "<!ENTITY e" + std::to_string(i) + " 'x'>";
  EXPECT_FALSE(passes(with_subset(many)));
}

TEST(SvgCheckTest, AReferenceWithoutAnEndIsLookedForNearby) {
  // Quadratic otherwise: this takes minutes then.
  EXPECT_TRUE(passes("<svg>" + std::string(1 << 20, '&') + "</svg>"));
}

TEST(SvgCheckTest, BoundsBytesAndElements) {
  const auto elements = [](int count) {
    std::string root = "<svg>";
    for (int i = 0; i < count; ++i) root += "<g></g>";
    return root + "</svg>";
  };
  EXPECT_TRUE(passes(elements(99'999)));
  EXPECT_FALSE(passes(elements(100'001)));
  EXPECT_TRUE(passes("<svg>" + std::string((8 << 20) - 11, ' ') + "</svg>"));
  EXPECT_FALSE(passes("<svg>" + std::string((8 << 20) - 10, ' ') + "</svg>"));
}

TEST(SvgCheckTest, ADeclarationInTheWrongPlaceIsRefused) {
  EXPECT_FALSE(passes("<svg><!DOCTYPE a [<!ENTITY b 'c'>]></svg>"));
  EXPECT_FALSE(passes("<svg><!ENTITY b 'c'></svg>"));
}

}  // namespace
}  // namespace millrace::workers::image
