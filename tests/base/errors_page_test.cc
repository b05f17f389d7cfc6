// SPDX-License-Identifier: Apache-2.0
// docs/errors.md and the table of base/error.cc say the same.
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace millrace::base {
namespace {

TEST(ErrorsPageTest, HasEveryReasonWithItsStatusInTheOrderOfTheTable) {
  std::ifstream page(MILLRACE_SOURCE_DIR "/docs/errors.md");
  ASSERT_TRUE(page);
  const std::regex row(R"(\| `([a-z_]+)` \| (\d+) \| [^|]+ \| [^|]+ \|)");
  std::vector<std::string> documented;
  for (std::string line; std::getline(page, line);) {
    std::smatch parts;
    if (std::regex_match(line, parts, row)) documented.push_back(parts.str(1) + " " + parts.str(2));
  }
  std::vector<std::string> known;
  for (int i = 0; i <= static_cast<int>(Reason::Deadline); ++i) {
    const ReasonRow& each = row_of(Reason{i});
    known.push_back(std::string(each.word) + " " + std::to_string(each.http_status));
  }
  EXPECT_THAT(documented, testing::ElementsAreArray(known));
}

}  // namespace
}  // namespace millrace::base
