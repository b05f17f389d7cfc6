// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "ipc/messages.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/image/planes_road.h"
#include "workers/image/saver.h"
#include "workers/image/source.h"
#include "workers/image/watch.h"
#include "workers/runtime/worker.h"

namespace millrace::workers::image {

// Says with what quality a file was written when that was looked for ("q=71 ssim=0.972"); dropped
// when another file takes its place.
inline constexpr std::string_view kQualityHeader = "X-Millrace-Quality";

// The picture on its way through a pipeline. It begins as the source's bytes, of which only the
// header has been read; the first command that scales chooses how small the loader may decode
// (shrink-on-load). Nothing is encoded between two commands: what the first one decided about the
// file (format, quality) is what the second one finds as its source.
//
// The picture begins as it is stored, and orient() turns it upright: the worker calls it for every
// command that does not ask to see the picture as stored.
//
// Of an animation it shows and changes the first frame, and writes down how: when the file is to be
// animated, the same is done to the other frames (docs/decisions/0068).
//
// One thread. Functions of libvips throw vips::VError: commands let it pass, the worker turns it
// into an Error.
class ImageStage {
 public:
  // `source`, `watch`, `others` and `planes` outlive the stage. `planes`: who gives it the source's
  // planes; null: it makes them itself.
  ImageStage(const Source& source, const ipc::RunLimits& limits, const TaskWatch& watch,
             std::span<const OtherInput> others = {}, PlanesSource* planes = nullptr);
  ImageStage(const ImageStage&) = delete;
  ImageStage& operator=(const ImageStage&) = delete;

  // Width x height of the picture as the command finds it, px.
  [[nodiscard]] Size size() const { return size_; }
  // What is still to be done to it to see it upright: EXIF 1..8.
  [[nodiscard]] int orientation() const { return orientation_; }
  // The file that it began as: the original, or what begin_with() put in its place.
  [[nodiscard]] const Source& source() const { return *source_; }
  // What the client sent: before any command.
  [[nodiscard]] const Source& original() const { return original_; }
  // Another picture of the pipeline, by the value of the parameter that names it; its header has
  // been read, within the limits of an original, and read_source()'s errors name it. Valid for as
  // long as the stage. other_picture.h decodes it.
  base::Result<const Source*> other(std::string_view value);
  // Of those asked for so far, px in all.
  [[nodiscard]] std::uint64_t others_px() const;
  [[nodiscard]] const ipc::RunLimits& limits() const { return limits_; }
  [[nodiscard]] bool has_alpha() const;
  // How what this command was given is, in meaning, encoded: the source's format, or what stands
  // for it (encoding.h, format_that_stands_for), or what the command before decided.
  [[nodiscard]] const Encoding& encoding() const { return encoding_; }
  // The quality of the JPEG that this command was given (estimated from the source's tables);
  // nullopt: no JPEG.
  [[nodiscard]] std::optional<int> jpeg_quality_pct() const { return jpeg_quality_pct_; }
  // More than one frame is left.
  [[nodiscard]] bool is_animated() const;
  // No command has changed the picture yet.
  [[nodiscard]] bool untouched() const { return !has_picture() && !file_; }
  // How many frames the file has that save() gives.
  [[nodiscard]] std::int64_t frames() const;

  // Said before a command begins: whether it keeps the colours in the space of the source's
  // profile, and the profile with them (icc/keep). Otherwise what the command before has kept
  // becomes sRGB.
  void keep_profile(bool keep);

  // Turns the picture upright. Costs nothing where that has been done, and next to nothing where
  // the picture has not been read yet.
  base::Result<void> orient();
  // Scales the whole picture to placement.whole (which may enlarge, if the command wants that) and
  // keeps placement.kept of it. Lazy. ResultTooLarge when that has more pixels than before and more
  // than a result may have; whether a smaller one fits is left to encode_as(), for the next step
  // may make it smaller still.
  base::Result<void> scale_and_crop(const Placement& placement);
  // Keeps that part of the picture, which lies within it. Lazy.
  base::Result<void> crop(const Area& kept);
  // Any other change of the picture: `change` is given a frame as picture() describes it and gives
  // one of `size` px; it is pure, so that it can be applied to each frame. `reads` says whether it
  // needs the frame in memory. Lazy otherwise. ResultTooLarge as above; Internal when the frame
  // that comes out has another size.
  enum class Reads { TopDown, AnyOrder };
  base::Result<void> change(const std::function<vips::VImage(const vips::VImage&)>& change,
                            Size size, Reads reads = Reads::TopDown);
  // Another picture takes the place of this one: 8-bit sRGB or grey, straight alpha or none, read
  // once from top to bottom when the file is written. ResultTooLarge as above. The encoding stays;
  // an animation ends.
  base::Result<void> replace_picture(const vips::VImage& image);
  // Whether a result may have that size: ResultTooLarge. For who makes one piece by piece.
  [[nodiscard]] base::Result<void> check_result(Size size) const;
  // Drops what the file would say of itself: the copyright notice and the orientation, which then
  // is nobody's to apply.
  base::Result<void> strip();
  // Decides the file that this command gives. Alpha is flattened on white when the format has none,
  // a profile is applied when it has no place for it, and of an animation the first frame stays
  // when it holds one picture. ResultTooLarge and TooManyFrames when that is more than a result may
  // have or the format can hold.
  base::Result<void> encode_as(const Encoding& encoding);
  // The part of it that refuses.
  [[nodiscard]] base::Result<void> check_encoding(const Encoding& encoding) const;
  // Encodes now, as encode_as() has decided but with the best quality up to it that fits into
  // `bytes_max`, and answers with that file. How many bytes it has: more where no quality fits.
  base::Result<std::size_t> fit_file_into(std::size_t bytes_max);
  // This very file is the answer, if no command that follows changes the picture: it shows the
  // picture as it is and has the format of encoding() (of an untouched source: the source's).
  void answer_file(std::string file) { file_ = std::move(file); }
  // As if no command had run: the file is the original.
  void start_over();
  // The picture begins anew, as this file: for commands that make a whole file, of which those that
  // follow are to see all (the frames of an animation). As read_source().
  base::Result<void> begin_with(std::string file);

  // A small copy to look at: 8-bit sRGB (3 bands, or 1 when grey), alpha flattened on white or kept
  // as one more band, in memory, no side above `side_px_max`, never enlarged. The stage stays as it
  // is. One more decode, at low resolution, when the picture has not been read yet. What it costs
  // beyond that: O(pixels of the copy).
  enum class Alpha { OnWhite, Kept };
  base::Result<vips::VImage> preview(std::int64_t side_px_max, Alpha alpha = Alpha::OnWhite);
  // The picture itself: 8-bit sRGB or grey, with straight alpha or without, no profile (but see
  // keep_profile). Lazy, and readable once from top to bottom.
  base::Result<vips::VImage> picture();
  // The same, read and kept: for commands that must look at all of it before they decide.
  base::Result<vips::VImage> picture_in_memory();

  // Gives the file to `take`, as encoding() says (an untouched source: its own bytes).
  base::Result<void> save(const TakeFile& take);
  // The same in memory, for commands that look at bytes. The picture is there afterwards as before.
  base::Result<std::string> encoded();
  [[nodiscard]] std::string_view media_type() const;
  // How save() comes from the source to its file; nullopt: they are the same bytes, or a command
  // has made them.
  [[nodiscard]] std::optional<ipc::Road> road() const;
  // A file was written with less effort than its size would have had (RunLimits::webp_effort_max).
  [[nodiscard]] bool was_eased() const { return was_eased_; }

  // Ends the pipeline with a document instead of a picture; `cacheable_by_clients` false:
  // Cache-Control: no-store.
  void answer_json(std::string document, bool cacheable_by_clients);
  [[nodiscard]] const std::optional<std::string>& json() const { return json_; }
  [[nodiscard]] bool cacheable_by_clients() const { return cacheable_by_clients_; }

  // Asked by commands that compute for long by themselves.
  [[nodiscard]] const TaskWatch& watch() const { return watch_; }

  // Fields for the client's answer ("X-Millrace-Crop": "face").
  std::map<std::string, std::string>& headers() { return headers_; }

 private:
  void begin();
  // For what lies between two steps.
  [[nodiscard]] base::Result<void> check_step(Size size) const;
  // How the first picture came out of the source.
  struct Beginning {
    Placement placement;
    int orientation = 1;
    bool keep_profile = false;
  };
  struct Step {
    std::function<vips::VImage(const vips::VImage&)> change;
    Reads reads = Reads::TopDown;
  };
  // A picture has come out of the source, or will.
  [[nodiscard]] bool has_picture() const { return image_ || planned_; }
  // The file is written from planes, whether or not somebody has looked at the pixels.
  [[nodiscard]] bool gives_planes() const { return planned_ && takes_planes(encoding_); }
  // Whether a result of so many px may go by the road of planes.
  bool planes_fit(Size size);
  base::Result<codecs::Planes> render(const Beginning& beginning, codecs::OutputChroma chroma);
  [[nodiscard]] base::Result<void> may_read_pixels();
  // As planned_ says; kept, for a command may ask for several files.
  base::Result<codecs::Planes*> planned_planes(codecs::OutputChroma chroma);
  base::Result<std::vector<std::byte>> planned_file();
  [[nodiscard]] Beginning beginning_at(const Placement& placement) const;
  base::Result<vips::VImage> begun(vips::VImage opened, const Beginning& beginning);
  base::Result<vips::VImage> placed(const Placement& placement);
  base::Result<vips::VImage> reached(const vips::VImage& frame);
  base::Result<void> load();
  base::Result<void> keep_in_memory();
  void put(const vips::VImage& image, Size size);
  [[nodiscard]] bool saves_frames() const;
  // What encode_as() has decided, and what is left to say of the orientation.
  [[nodiscard]] Encoding file_encoding();
  base::Result<vips::VImage> roll_of_frames();

  // A file that a command has made. Behind pointers: sources are referred to.
  struct MadeFile {
    std::unique_ptr<const std::string> bytes;
    std::unique_ptr<const Source> source;
  };
  const Source& original_;
  const Source* source_;
  ipc::RunLimits limits_;
  const TaskWatch& watch_;
  std::span<const OtherInput> others_;
  PlanesSource* planes_;
  std::map<std::string, std::unique_ptr<const Source>, std::less<>> read_others_;  // by value
  std::vector<MadeFile> made_;
  Size size_;
  int orientation_;
  std::string copyright_;
  Encoding encoding_;
  std::optional<int> jpeg_quality_pct_;
  std::optional<vips::VImage> image_;  // unset: the source's bytes have not been read
  // It comes out of the source so by the road of planes, as pixels (image_) or as a file; until it
  // is changed.
  std::optional<Beginning> planned_;
  struct MadePlanes {
    codecs::OutputChroma chroma;
    codecs::Planes planes;
  };
  std::optional<MadePlanes> made_planes_;  // of planned_
  std::optional<PlanesRoad> road_;
  bool road_sought_ = false;
  bool came_by_planes_ = false;  // image_ did
  bool converted_ = false;       // a profile has been applied, or left away
  bool replaced_ = false;        // image_ did not come out of the source
  bool was_eased_ = false;
  bool in_memory_ = false;  // image_ is: readable in any order
  bool keep_profile_ = false;
  // Of an animation, how image_ came to be; dropped when one picture is left.
  std::optional<Beginning> beginning_;
  std::vector<Step> steps_;
  bool still_ = false;               // one picture is left
  std::optional<std::string> file_;  // of image_, where it is there already
  std::optional<std::string> json_;
  bool cacheable_by_clients_ = true;
  std::map<std::string, std::string> headers_;
};

}  // namespace millrace::workers::image
