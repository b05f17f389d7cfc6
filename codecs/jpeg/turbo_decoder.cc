// SPDX-License-Identifier: Apache-2.0
//
// libjpeg reports errors by longjmp: the functions that can be left so hold no object with a
// destructor, and every jump ends in this file.
#include "codecs/jpeg/turbo_decoder.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <jerror.h>
#include <jpeglib.h>
#include <string>
#include <utility>

#include "codecs/jpeg/mcu_rows.h"
#include "codecs/jpeg/zigzag.h"

namespace millrace::codecs {
namespace {

using base::Reason;

// A progressive file may repeat its scans without end, each of which costs a pass over the whole
// picture. libvips stops at the same number.
constexpr int kScansMax = 100;

class TurboReader {
 public:
  TurboReader(std::span<const std::byte> file, const JpegCheck& check) : check_(check) {
    cinfo_.err = jpeg_std_error(&errors_);
    errors_.error_exit = leave;
    errors_.output_message = [](j_common_ptr) {};
    errors_.emit_message = [](j_common_ptr, int) {};
    cinfo_.client_data = this;
    bytes_ = reinterpret_cast<const unsigned char*>(file.data());
    size_bytes_ = file.size();
  }
  TurboReader(const TurboReader&) = delete;
  TurboReader& operator=(const TurboReader&) = delete;
  ~TurboReader() { jpeg_destroy_decompress(&cinfo_); }

  // All coefficients of the file. False: error() says why not.
  bool read_coefficients(const JpegHeader& header) {
    if (setjmp(where_) != 0) return false;
    jpeg_create_decompress(&cinfo_);
    jpeg_mem_src(&cinfo_, bytes_, static_cast<unsigned long>(size_bytes_));
    // The library's own makes up an end of the picture; here it is an error (decisions/0011).
    cinfo_.src->fill_input_buffer = [](j_decompress_ptr cinfo) -> boolean {
      ERREXIT(cinfo, JERR_INPUT_EOF);
      return FALSE;
    };
    jpeg_read_header(&cinfo_, TRUE);
    if (!agrees(header)) return false;
    several_scans_ = cinfo_.progressive_mode != 0 || cinfo_.comps_in_scan < cinfo_.num_components;
    progress_.progress_monitor = [](j_common_ptr cinfo) { of(cinfo).look_up(); };
    cinfo_.progress = &progress_;
    coefficients_ = jpeg_read_coefficients(&cinfo_);
    return true;
  }

  // Row `block_row` of the blocks of a component; nullptr: error() says why not.
  const JBLOCK* block_row(int component, std::int32_t block_row) {
    if (setjmp(where_) != 0) return nullptr;
    auto* rows = cinfo_.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&cinfo_),
                                                coefficients_[component],
                                                static_cast<JDIMENSION>(block_row), 1, FALSE);
    return rows[0];
  }

  // The steps of a component, in rows; nullptr if no scan had it.
  [[nodiscard]] const std::uint16_t* steps(int component) const {
    const JQUANT_TBL* table = cinfo_.comp_info[component].quant_table;
    return table == nullptr ? nullptr : table->quantval;
  }

  [[nodiscard]] base::Error error() const {
    if (refused_) return refusal_;
    if (cinfo_.err->msg_code == JERR_OUT_OF_MEMORY) {
      return base::make_error(Reason::TaskTooExpensive,
                              "The task needs more memory than one task may use.", message_);
    }
    return base::make_error(Reason::CorruptMedia, "The jpeg file is damaged: it cannot be decoded.",
                            message_);
  }

 private:
  static TurboReader& of(j_common_ptr cinfo) {
    return *static_cast<TurboReader*>(cinfo->client_data);
  }

  [[noreturn]] static void leave(j_common_ptr cinfo) {
    TurboReader& reader = of(cinfo);
    std::array<char, JMSG_LENGTH_MAX> message{};
    cinfo->err->format_message(cinfo, message.data());
    reader.message_.assign(message.data());
    std::longjmp(reader.where_, 1);
  }

  // Whether libjpeg sees the picture that the layout was made for: a file with two frame headers
  // could be read in two ways.
  bool agrees(const JpegHeader& header) {
    bool same = cinfo_.image_width == static_cast<JDIMENSION>(header.width_px) &&
                cinfo_.image_height == static_cast<JDIMENSION>(header.height_px) &&
                static_cast<std::size_t>(cinfo_.num_components) == header.components.size();
    for (int i = 0; same && i < cinfo_.num_components; ++i) {
      const JpegComponent& component = header.components[static_cast<std::size_t>(i)];
      same = cinfo_.comp_info[i].h_samp_factor == component.across &&
             cinfo_.comp_info[i].v_samp_factor == component.down;
    }
    if (!same) message_ = "two readers see different headers";
    return same;
  }

  // Called between rows of MCUs while coefficients are read.
  void look_up() {
    if (cinfo_.input_scan_number > kScansMax) {
      message_ = "too many scans";
      std::longjmp(where_, 1);
    }
    if (check_ && !ask()) std::longjmp(where_, 1);
    // A picture whose first scan has all is complete, whatever follows.
    if (!several_scans_ && cinfo_.input_iMCU_row >= cinfo_.total_iMCU_rows) end_here();
  }

  bool ask() {
    auto answer = check_();
    if (answer) return true;
    refused_ = true;
    refusal_ = std::move(answer.error());
    return false;
  }

  // As if the end marker came next; but some marker must come.
  void end_here() {
    const unsigned char* at = cinfo_.src->next_input_byte;
    const unsigned char* end = at + cinfo_.src->bytes_in_buffer;
    const bool ended = cinfo_.unread_marker != 0 ||
                       std::adjacent_find(at, end, [](unsigned char first, unsigned char second) {
                         return first == 0xFF && second != 0 && second != 0xFF;
                       }) != end;
    if (!ended) ERREXIT(&cinfo_, JERR_INPUT_EOF);
    cinfo_.unread_marker = JPEG_EOI;
  }

  const JpegCheck& check_;
  const unsigned char* bytes_ = nullptr;
  std::size_t size_bytes_ = 0;
  jpeg_decompress_struct cinfo_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf where_{};
  jvirt_barray_ptr* coefficients_ = nullptr;
  bool several_scans_ = false;
  bool refused_ = false;
  base::Error refusal_;
  std::string message_;
};

// One component's way from libjpeg's blocks to those of McuRows.
class BlockCopy {
 public:
  BlockCopy(const std::uint16_t* steps, int side) : side_(side), row_(block_shape(side).row) {
    if (steps != nullptr) std::copy_n(steps, steps_.size(), steps_.begin());
  }
  void operator()(const JBLOCK& from, std::int16_t* to) const {
    for (int y = 0; y < side_; ++y) {
      for (int x = 0; x < side_; ++x) {
        const int k = 8 * y + x;
        const int value = from[k] * int{steps_[static_cast<std::size_t>(k)]};
        to[y * row_ + x] =
            static_cast<std::int16_t>(std::clamp(value, -kCoefficientMax - 1, kCoefficientMax));
      }
    }
  }

 private:
  int side_;
  std::ptrdiff_t row_;
  std::array<std::uint16_t, DCTSIZE2> steps_{};
};

class TurboDecoding {
 public:
  TurboDecoding(TurboReader& reader, std::span<const JpegLayout> layouts)
      : reader_(reader), layout_(layouts.front()), rows_(layouts) {
    for (std::size_t i = 0; i < layout_.components.size(); ++i) {
      copies_.emplace_back(reader.steps(static_cast<int>(i)), layout_.eighths);
    }
  }

  bool fill(std::int32_t mcu_row) {
    std::vector<std::vector<const JBLOCK*>> blocks(layout_.components.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const int down = layout_.components[i].down;
      for (int v = 0; v < down; ++v) {
        const JBLOCK* row = reader_.block_row(static_cast<int>(i), mcu_row * down + v);
        if (row == nullptr) return false;
        blocks[i].push_back(row);
      }
    }
    for (std::int32_t mcu = layout_.first_mcu_column; mcu < layout_.end_mcu_column;
         mcu += kGroupMcus) {
      const int count = std::min(kGroupMcus, layout_.end_mcu_column - mcu);
      for (std::size_t i = 0; i < blocks.size(); ++i) copy_group(i, blocks[i], mcu, count);
      rows_.transform(mcu - layout_.first_mcu_column, count);
    }
    return true;
  }

  [[nodiscard]] base::Result<void> deliver(std::int32_t mcu_row, const JpegScaleSink& sink) const {
    return rows_.deliver(mcu_row, sink);
  }

 private:
  void copy_group(std::size_t component, const std::vector<const JBLOCK*>& blocks, std::int32_t mcu,
                  int count) {
    const int across = layout_.components[component].across;
    for (std::size_t v = 0; v < blocks.size(); ++v) {
      for (int i = 0; i < count * across; ++i) {
        copies_[component](blocks[v][mcu * across + i],
                           rows_.finest().block(static_cast<int>(component), i / across, i % across,
                                                static_cast<int>(v)));
      }
    }
  }

  TurboReader& reader_;
  const JpegLayout& layout_;
  ScaledMcuRows rows_;
  std::vector<BlockCopy> copies_;
};

}  // namespace

base::Result<void> decode_by_turbo(std::span<const std::byte> file, const JpegHeader& header,
                                   std::span<const JpegLayout> layouts, std::int32_t mcu_row,
                                   const JpegScaleSink& sink, const JpegCheck& check) {
  TurboReader reader(file, check);
  if (!reader.read_coefficients(header)) return base::fail(reader.error());
  TurboDecoding decoding(reader, layouts);
  for (std::int32_t row = mcu_row; row < layouts.front().end_mcu_row; ++row) {
    if (!decoding.fill(row)) return base::fail(reader.error());
    if (auto taken = decoding.deliver(row, sink); !taken) return taken;
  }
  return {};
}

}  // namespace millrace::codecs
