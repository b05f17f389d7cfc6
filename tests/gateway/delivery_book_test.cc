// SPDX-License-Identifier: Apache-2.0
#include "gateway/delivery_book.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using base::Reason;
using testing::HasSubstr;

class DeliveryBookTest : public testing::Test {
 protected:
  DeliveryBookTest() {
    std::string pattern = testing::TempDir() + "delivery-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    state_dir_ = folder_ / "gateway" / "state";
    buckets_["photos"] = {};
  }
  ~DeliveryBookTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::unique_ptr<DeliveryBook> open() const {
    auto book = DeliveryBook::open(buckets_, state_dir_);
    EXPECT_TRUE(book) << book.error().public_message;
    return book ? *std::move(book) : nullptr;
  }
  [[nodiscard]] std::string refusal() const {
    const auto book = DeliveryBook::open(buckets_, state_dir_);
    if (book) return "";
    EXPECT_EQ(book.error().reason, Reason::BadParameter);
    return book.error().public_message;
  }
  static base::Result<void> add_style(DeliveryBook& book, const std::string& name,
                                      const std::string& bucket = "photos") {
    return book.change(bucket, [&](BucketState& state, const storage::DeliveryConfig& config) {
      return set_style(state, config, name, "a/1");
    });
  }
  [[nodiscard]] std::filesystem::path file() const { return state_dir_ / "buckets.json"; }

  std::filesystem::path folder_;
  std::filesystem::path state_dir_;
  DeliveryBook::Buckets buckets_;
};

TEST_F(DeliveryBookTest, KeepsWhatWasSetOverARestart) {
  {
    const auto book = open();
    ASSERT_TRUE(book->takes_changes());
    ASSERT_TRUE(add_style(*book, "thumb"));
    EXPECT_EQ(book->table()->at("photos").styles.at("thumb"), "a/1");
  }
  EXPECT_EQ(std::filesystem::status(file()).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(open()->table()->at("photos").styles.at("thumb"), "a/1");
}

TEST_F(DeliveryBookTest, ATableThatIsLookedAtStaysAsItWas) {
  const auto book = open();
  const auto before = book->table();
  ASSERT_TRUE(add_style(*book, "thumb"));
  EXPECT_TRUE(before->at("photos").styles.empty());
}

TEST_F(DeliveryBookTest, WithoutAFolderNothingIsSet) {
  state_dir_.clear();
  EXPECT_FALSE(open()->takes_changes());
}

TEST_F(DeliveryBookTest, OneFolderIsOneGateways) {
  const auto book = open();
  EXPECT_THAT(refusal(), HasSubstr("another gateway uses gateway.state_dir"));
}

TEST_F(DeliveryBookTest, RefusesAFolderOrFileThatCannotBeUsed) {
  std::ofstream(folder_ / "gateway") << "a file";
  EXPECT_THAT(refusal(), HasSubstr("cannot make the folder"));
  std::filesystem::remove(folder_ / "gateway");
  ASSERT_TRUE(add_style(*open(), "thumb"));
  std::ofstream(file(), std::ios::app) << "}";
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
  std::filesystem::remove(file());
  std::filesystem::create_directory(file());
  EXPECT_THAT(refusal(), HasSubstr("buckets.json"));
}

TEST_F(DeliveryBookTest, WhatTheDiskDoesNotTakeIsNotChanged) {
  const auto book = open();
  ASSERT_TRUE(add_style(*book, "one"));
  std::filesystem::create_directory(file().string() + ".part");
  const auto changed = add_style(*book, "two");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().reason, Reason::Internal);
  EXPECT_EQ(book->table()->at("photos").styles.size(), 1U);
  std::filesystem::remove(file().string() + ".part");
  ASSERT_TRUE(add_style(*book, "three"));
  EXPECT_EQ(book->table()->at("photos").styles.count("two"), 0U) << "it left nothing behind";
}

TEST_F(DeliveryBookTest, WhatIsRefusedIsNotWritten) {
  const auto book = open();
  EXPECT_EQ(add_style(*book, "a/b").error().reason, Reason::BadParameter);
  EXPECT_EQ(add_style(*book, "thumb", "films").error().reason, Reason::NoBucket);
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(DeliveryBookTest, AReloadKeepsWhatWasSet) {
  const auto book = open();
  ASSERT_TRUE(add_style(*book, "thumb"));
  buckets_["photos"].delivery.styles = {{"big", "b/1"}};
  buckets_["films"] = {};
  book->reconfigure(buckets_);
  EXPECT_EQ(book->table()->at("photos").styles.size(), 2U);
  EXPECT_FALSE(book->table()->contains("films")) << "new buckets need a restart";
  buckets_.erase("photos");
  book->reconfigure(buckets_);
  EXPECT_TRUE(book->table()->contains("photos")) << "it is still served";
}

TEST_F(DeliveryBookTest, KeepsTheStateOfBucketsThatAreNotConfiguredNow) {
  ASSERT_TRUE(add_style(*open(), "thumb"));
  const auto photos = buckets_["photos"];
  buckets_.clear();
  buckets_["films"] = {};
  ASSERT_TRUE(add_style(*open(), "other", "films"));
  buckets_["photos"] = photos;
  EXPECT_EQ(open()->table()->at("photos").styles.count("thumb"), 1U);
}

TEST_F(DeliveryBookTest, ChangesFromManyThreadsAllHold) {
  const auto book = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&book, t] {
      for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(add_style(*book, "s" + std::to_string(t * 10 + i)));
        EXPECT_FALSE(book->table()->at("photos").styles.empty());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(book->table()->at("photos").styles.size(), 40U);
}

TEST(CheckDeliveryTest, NamesTheBucketThatCannotBe) {
  DeliveryBook::Buckets buckets;
  storage::DeliveryConfig& delivery = buckets["photos"].delivery;
  std::map<std::string, UserConfig> users;
  const auto sentence = [&] {
    const auto checked = check_delivery(buckets, users);
    return checked ? "" : checked.error().public_message;
  };
  delivery.styles = {{"thumb", "imageView2/2/w/100"}};
  EXPECT_EQ(sentence(), "");
  delivery.styles["bad"] = "a||b";
  EXPECT_THAT(sentence(), HasSubstr("buckets.photos.styles.bad: "));
  delivery.styles.erase("bad");
  delivery.owners = {"acme"};
  EXPECT_THAT(sentence(), HasSubstr("buckets.photos.owners names \"acme\""));
  users["acme"] = {};
  EXPECT_EQ(sentence(), "");
}

}  // namespace
}  // namespace millrace::gateway
