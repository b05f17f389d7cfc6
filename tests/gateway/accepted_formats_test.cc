// SPDX-License-Identifier: Apache-2.0
#include "gateway/accepted_formats.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

std::string word(const std::vector<std::string>& fields) {
  net::Headers headers;
  headers.add("Accept-Encoding", "image/avif");
  for (const std::string& field : fields) headers.add("accept", field);
  return pipeline::auto_format_word(accepted_formats(headers));
}
std::string word(const std::string& field) { return word(std::vector<std::string>{field}); }

struct Browser {
  const char* name;
  const char* accept;  // of an <img>, unless the name says otherwise
  const char* word;
};

TEST(AcceptedFormatsTest, KnowsWhatRealBrowsersSend) {
  for (const Browser& browser : {
           Browser{"Chrome 85 to today, Edge, Samsung Internet",
                   "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
                   "auto.avif.webp"},
           Browser{"Chrome 72 to 84", "image/webp,image/apng,image/*,*/*;q=0.8", "auto.webp"},
           Browser{"Chrome, a page",
                   "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
                   "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
                   "auto.avif.webp"},
           Browser{"Chrome, fetch()", "*/*", "auto"},
           Browser{"Firefox 128 and later",
                   "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
                   "auto.avif.webp"},
           Browser{"Firefox 93 to 127", "image/avif,image/webp,*/*", "auto.avif.webp"},
           Browser{"Firefox 65 to 92", "image/webp,*/*", "auto.webp"},
           Browser{"Firefox with image.jxl.enabled",
                   "image/avif,image/jxl,image/webp,image/png,image/svg+xml,image/*;q=0.8,"
                   "*/*;q=0.5",
                   "auto.avif.jxl.webp"},
           Browser{"Firefox before 65", "*/*", "auto"},
           Browser{"Safari 17 and later",
                   "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,"
                   "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
                   "auto.avif.jxl.webp"},
           Browser{"Safari 16",
                   "image/webp,image/avif,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,"
                   "*/*;q=0.5",
                   "auto.avif.webp"},
           Browser{"Safari 14 and 15",
                   "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5",
                   "auto.webp"},
           Browser{"Safari before 14",
                   "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "auto"},
           Browser{"Internet Explorer 11",
                   "image/png, image/svg+xml, image/jxr, image/*;q=0.8, */*;q=0.5", "auto"},
           Browser{"curl, wget, Python", "*/*", "auto"},
           Browser{"Android's Glide and OkHttp send none", "", "auto"},
       }) {
    EXPECT_EQ(word(browser.accept), browser.word) << browser.name;
  }
  EXPECT_EQ(word(std::vector<std::string>{}), "auto");
}

TEST(AcceptedFormatsTest, ReadsListsAndWeightsAsTheyMayBeWritten) {
  EXPECT_EQ(word("IMAGE/AVIF , image/WebP;Q=0.1"), "auto.avif.webp");
  EXPECT_EQ(word(std::vector<std::string>{"image/avif", "image/webp"}), "auto.avif.webp");
  EXPECT_EQ(word("image/avif;q=0"), "auto");
  EXPECT_EQ(word("image/avif;q=0.000, image/webp; q=0.001"), "auto.webp");
  EXPECT_EQ(word("image/avif;q=1.000"), "auto.avif");
  EXPECT_EQ(word("image/avif;level=1;q=0,image/jxl;level=1"), "auto.jxl");
  EXPECT_EQ(word("image/avif;q=0,image/avif"), "auto.avif") << "once is enough";
  EXPECT_EQ(word("image/avif;q=-1"), "auto");
  EXPECT_EQ(word("image/avif;q="), "auto");
  EXPECT_EQ(word("image/avif;q=high"), "auto");
  EXPECT_EQ(word("\timage/avif\t;\tq=1"), "auto.avif");
}

TEST(AcceptedFormatsTest, TakesNoOtherTypeForOneOfThem) {
  for (const char* field :
       {"image/avif-sequence", "image/avif2", "ximage/avif", "image/*", "*/*", "image/ avif",
        "image", ",,;;,", ";q=1", "=", "q=1", ";", "image/avif q"}) {
    EXPECT_EQ(word(field), "auto") << field;
  }
}

}  // namespace
}  // namespace millrace::gateway
