// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <CLI/CLI.hpp>

#include "workers/image/image_worker.h"
#include "workers/runtime/worker.h"

namespace {

// One page a command, as docs/commands/ has them.
int print_docs(const millrace::workers::Worker& worker, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const millrace::pipeline::CommandSpec& spec : worker.commands()) {
    std::ofstream page(folder / (spec.name + ".md"));
    page << millrace::pipeline::to_markdown(spec);
    if (!page.flush()) {
      std::fprintf(stderr, "%s cannot be written\n", (folder / (spec.name + ".md")).c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int channel_fd = -1;
  std::string docs_folder;
  millrace::workers::image::ImageWorkerOptions options;
  CLI::App app("Millrace's worker for pictures; an agent starts it");
  app.add_option("--channel-fd", channel_fd, "descriptor of the channel to the agent");
  app.add_option("--face-model", options.face_model_path, "ONNX model that finds faces");
  app.add_option("--print-docs", docs_folder,
                 "write one Markdown page a command into this folder, and end");
  CLI11_PARSE(app, argc, argv);

  auto worker = millrace::workers::image::ImageWorker::create(options);
  if (!worker) {
    std::fprintf(stderr, "%s: %s\n", worker.error().public_message.c_str(),
                 worker.error().detail.c_str());
    return 1;
  }
  if (!docs_folder.empty()) return print_docs(**worker, docs_folder);
  if (channel_fd < 0) {
    std::fprintf(stderr, "--channel-fd is missing: this program is started by millrace-agent\n");
    return 2;
  }
  return millrace::workers::serve(**worker, channel_fd);
}
