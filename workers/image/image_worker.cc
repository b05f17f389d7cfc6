// SPDX-License-Identifier: Apache-2.0
#include "workers/image/image_worker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <vips/vips8>

#include "workers/image/command.h"
#include "workers/image/memory.h"
#include "workers/image/shared_decode.h"
#include "workers/image/source.h"
#include "workers/image/stage.h"
#include "workers/image/vips_runtime.h"
#include "workers/runtime/task_budget.h"

namespace millrace::workers::image {
namespace {

using base::Reason;

// Goes up whenever a change here makes other bytes of the same request.
constexpr int kResultsVersion = 7;

}  // namespace

struct ImageWorker::Impl {
  std::vector<ImageCommand> commands;  // those that are offered
  std::vector<std::string> notes;      // of all
  // What the last task read, px: decides whether it is worth giving memory back.
  std::uint64_t last_source_px = 0;
  SharedDecode shared_decode;

  [[nodiscard]] const ImageCommand* find(const std::string& name) const {
    const auto found = std::find_if(commands.begin(), commands.end(),
                                    [&name](const ImageCommand& c) { return c.spec.name == name; });
    return found == commands.end() ? nullptr : &*found;
  }
  // What the first command says of the source to read.
  [[nodiscard]] SourceChoice choice_of(const pipeline::Pipeline& pipeline) const {
    const ImageCommand* first = find(pipeline.commands.front().name());
    return first != nullptr && first->choose ? first->choose(pipeline.commands.front())
                                             : SourceChoice{};
  }
  [[nodiscard]] base::Result<Source> source_for(const RunContext& context) const;
  [[nodiscard]] base::Result<void> apply(const pipeline::Pipeline& pipeline, ImageStage& stage,
                                         const TaskWatch& watch) const;
  // What the pipelines that come next will ask of the source's planes.
  [[nodiscard]] std::vector<PlanesRequest> forecast(const RunContext& context, const Source& source,
                                                    const TaskWatch& watch) const;
};

// A command that takes a file of any kind is given its bytes, and no facts about them.
base::Result<Source> ImageWorker::Impl::source_for(const RunContext& context) const {
  const ImageCommand* first = find(context.pipeline.commands.front().name());
  const bool any_file =
      first != nullptr && std::ranges::find(first->spec.takes, "file") != first->spec.takes.end();
  if (!any_file) return read_source(context.input, context.limits, choice_of(context.pipeline));
  Source source;
  source.bytes = context.input;
  return source;
}

base::Result<void> ImageWorker::Impl::apply(const pipeline::Pipeline& pipeline, ImageStage& stage,
                                            const TaskWatch& watch) const {
  for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
    const pipeline::CommandCall& call = pipeline.commands[i];
    const ImageCommand* command = find(call.name());
    if (command == nullptr) {
      return base::fail(Reason::UnknownCommand,
                        fmt::format("{} is not a command of this worker.", call.name()));
    }
    if (stage.json()) {
      return base::fail(
          Reason::BadParameter,
          fmt::format("{} needs a picture, but the command before it gives a document.",
                      call.name()));
    }
    if (auto still = watch.check(); !still) return still;
    if (i == 0 && command->choose) continue;
    stage.keep_profile(call.choice("icc").has_value());
    if (!command->takes_stored) {
      if (auto oriented = stage.orient(); !oriented) return oriented;
    }
    if (auto applied = command->run(call, stage); !applied) return applied;
  }
  return {};
}

std::vector<PlanesRequest> ImageWorker::Impl::forecast(const RunContext& context,
                                                       const Source& source,
                                                       const TaskWatch& watch) const {
  std::vector<PlanesRequest> requests;
  for (const pipeline::Pipeline& next : context.next) {
    const ImageCommand* first = find(next.commands.front().name());
    if (first == nullptr || first->choose) continue;  // it may read the source in another way
    PlanesForecast planes;
    ImageStage stage(source, context.limits, watch, {}, &planes);
    try {
      // Ends at the first pixel; where no command wants any, the file does.
      if (apply(next, stage, watch)) {
        (void)stage.save([](std::span<const std::byte>) { return base::Result<void>(); });
      }
    } catch (const vips::VError&) {
      vips_error_clear();
    }
    if (planes.first()) requests.push_back(*planes.first());
  }
  return requests;
}

namespace {

base::Result<ipc::RunOutcome> write_document(const std::string& document, bool cacheable_by_clients,
                                             OutputFile& output) {
  if (auto written = output.write(std::as_bytes(std::span(document))); !written) {
    return base::fail(std::move(written.error()));
  }
  ipc::RunOutcome outcome;
  outcome.media_type = "application/json";
  outcome.cacheable_by_clients = cacheable_by_clients;
  return outcome;
}

base::Result<ipc::RunOutcome> write_picture(ImageStage& stage, OutputFile& output) {
  auto saved =
      stage.save([&output](std::span<const std::byte> file) { return output.write(file); });
  if (!saved) return base::fail(std::move(saved.error()));
  ipc::RunOutcome outcome;
  outcome.media_type = stage.media_type();
  outcome.width = stage.size().width;
  outcome.height = stage.size().height;
  outcome.frames = stage.frames();
  outcome.road = stage.road();
  return outcome;
}

}  // namespace

ImageWorker::ImageWorker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ImageWorker::~ImageWorker() = default;

base::Result<std::unique_ptr<ImageWorker>> ImageWorker::create(const ImageWorkerOptions& options) {
  if (auto started = start_vips(); !started) return base::fail(std::move(started.error()));
  auto impl = std::make_unique<Impl>();
  impl->commands = all_image_commands(options);
  for (const ImageCommand& command : impl->commands) {
    impl->notes.insert(impl->notes.end(), command.notes.begin(), command.notes.end());
  }
  std::erase_if(impl->commands, [](const ImageCommand& command) { return !command.is_offered; });
  give_memory_back();  // what fonts and models needed while they were looked at
  return std::unique_ptr<ImageWorker>(new ImageWorker(std::move(impl)));
}

std::string ImageWorker::kind() const { return "image"; }

std::string ImageWorker::build() const {
  std::string build = fmt::format("image/{} vips/{}", kResultsVersion, vips_version_string());
  for (const ImageCommand& command : impl_->commands) {
    if (!command.build.empty()) build += " " + command.build;
  }
  return build;
}

std::vector<pipeline::CommandSpec> ImageWorker::commands() const {
  std::vector<pipeline::CommandSpec> specs;
  for (const ImageCommand& command : impl_->commands) specs.push_back(command.spec);
  return specs;
}

std::vector<std::string> ImageWorker::notes() const {
  std::vector<std::string> notes = missing_formats();
  notes.insert(notes.end(), impl_->notes.begin(), impl_->notes.end());
  return notes;
}

base::Result<ipc::Probe> ImageWorker::probe(InputBytes input, const ipc::RunLimits& limits) {
  auto source = read_source(input, limits);
  if (!source) return base::fail(std::move(source.error()));
  ipc::Probe probe;
  probe.format = word_of(source->format);
  probe.media_type = media_type_of(source->format);
  probe.width = source->stored.width;
  probe.height = source->stored.height;
  probe.frames = source->frames;
  probe.orientation = source->orientation;
  return probe;
}

base::Result<ipc::RunOutcome> ImageWorker::run(RunContext& context) {
  auto source = impl_->source_for(context);
  if (!source) return base::fail(std::move(source.error()));
  std::optional<CpuTimeCap> cap;
  if (is_document(source->format)) cap.emplace(kDocumentTimeMax);
  impl_->last_source_px = static_cast<std::uint64_t>(source->stored.width * source->stored.height);
  const TaskWatch watch(context.deadline, context.limits.cpu_max, TaskWatch::clocks_of_process());
  impl_->shared_decode.begin(context.group, impl_->forecast(context, *source, watch));
  try {
    ImageStage stage(*source, context.limits, watch, context.others, &impl_->shared_decode);
    const auto applied = impl_->apply(context.pipeline, stage, watch);
    impl_->last_source_px += stage.others_px();
    if (!applied) return base::fail(applied.error());
    const std::optional<std::string>& document = stage.json();
    auto outcome = document
                       ? write_document(*document, stage.cacheable_by_clients(), context.output)
                       : write_picture(stage, context.output);
    if (!outcome) return outcome;
    outcome->bytes = context.output.written();
    outcome->headers = stage.headers();
    outcome->eased = stage.was_eased();
    outcome->shared = impl_->shared_decode.was_shared();
    return outcome;
  } catch (const vips::VError& error) {
    base::Error failure = error_of_vips(
        error.what(), Reason::CorruptMedia,
        fmt::format("The {} file is damaged: it cannot be decoded.", word_of(source->format)));
    vips_error_clear();
    return base::fail(std::move(failure));
  }
}

base::Result<std::optional<Size>> ImageWorker::plan(const pipeline::Pipeline& pipeline,
                                                    const PictureShape& source) const {
  PictureShape shape = source;
  for (const pipeline::CommandCall& call : pipeline.commands) {
    const ImageCommand* command = impl_->find(call.name());
    if (command == nullptr || !command->plan) return std::nullopt;
    auto planned = command->plan(call, command->takes_stored ? shape : upright(shape));
    if (!planned) return base::fail(std::move(planned.error()));
    if (!*planned) return std::nullopt;
    shape = **planned;
  }
  return shape.size;
}

void ImageWorker::rest() {
  if (impl_->last_source_px >= kPurgeAbovePx) give_memory_back();
  impl_->last_source_px = 0;
}

}  // namespace millrace::workers::image
