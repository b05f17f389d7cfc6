// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/running.h"
#include "workers/image/command.h"

namespace millrace::workers::image {
namespace {

std::string read_file(const std::filesystem::path& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::filesystem::path kPages = std::filesystem::path(MILLRACE_SOURCE_DIR) / "docs/commands";

// Those too that this worker does not offer, because it has no face model.
std::vector<pipeline::CommandSpec> all_specs() {
  test_worker();  // libvips says what can be written
  std::vector<pipeline::CommandSpec> specs;
  for (const ImageCommand& command : all_image_commands({})) specs.push_back(command.spec);
  return specs;
}

TEST(CommandPagesTest, AreWhatTheSpecsSay) {
  for (const pipeline::CommandSpec& spec : all_specs()) {
    EXPECT_EQ(read_file(kPages / (spec.name + ".md")), pipeline::to_markdown(spec))
        << "docs/commands/" << spec.name
        << ".md is stale; write it anew with: millrace-image-worker --face-model <model> "
           "--print-docs docs/commands";
  }
}

TEST(GalleryTest, ShowsEveryExample) {
  const std::filesystem::path folder = std::filesystem::path(MILLRACE_SOURCE_DIR) / "docs/gallery";
  const std::string page = read_file(folder / "README.md");
  const auto has = [&page](const std::string& text) {
    return page.find(text) != std::string::npos;
  };
  for (const pipeline::CommandSpec& spec : all_specs()) {
    EXPECT_TRUE(has("\n## " + spec.name + "\n"))
        << spec.name << " has no section in docs/gallery; make it anew with scripts/gallery.py";
    for (const pipeline::CommandExample& example : spec.examples) {
      EXPECT_TRUE(has("?" + example.pipeline + "`"))
          << example.pipeline << " is not in docs/gallery; make it anew with scripts/gallery.py";
    }
  }
}

TEST(GalleryTest, HasEveryPictureThatItShowsAndNoOther) {
  const std::filesystem::path folder = std::filesystem::path(MILLRACE_SOURCE_DIR) / "docs/gallery";
  const std::string page = read_file(folder / "README.md");
  std::set<std::string> shown;
  for (std::size_t at = page.find("](pictures/"); at != std::string::npos;
       at = page.find("](pictures/", at + 1)) {
    const std::size_t begin = page.find('/', at) + 1;
    shown.insert(page.substr(begin, page.find(')', begin) - begin));
  }
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "pictures")) {
    EXPECT_GT(entry.file_size(), 0U) << entry.path();
    files.insert(entry.path().filename().string());
  }
  EXPECT_EQ(shown, files);
}

TEST(CommandPagesTest, EveryFileOfTheFolderIsACommand) {
  std::set<std::string> names;
  for (const pipeline::CommandSpec& spec : all_specs()) names.insert(spec.name);
  std::set<std::string> files;
  const auto folder = std::filesystem::path(MILLRACE_SOURCE_DIR) / "workers/image/commands";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".cc") files.insert(entry.path().stem().string());
  }
  EXPECT_EQ(names, files);
}

}  // namespace
}  // namespace millrace::workers::image
