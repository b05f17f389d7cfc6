// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/documents.h"

#include <fmt/format.h>

#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

class PdfMaker {
 public:
  void object(const std::string& body) {
    starts_.push_back(file_.size());
    file_ += fmt::format("{} 0 obj\n{}\nendobj\n", starts_.size(), body);
  }
  std::string finish() {
    const std::size_t table = file_.size();
    file_ += fmt::format("xref\n0 {}\n0000000000 65535 f \n", starts_.size() + 1);
    for (const std::size_t start : starts_) file_ += fmt::format("{:010} 00000 n \n", start);
    file_ += fmt::format("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n",
                         starts_.size() + 1, table);
    return file_;
  }

 private:
  std::string file_ = "%PDF-1.4\n";
  std::vector<std::size_t> starts_;
};

}  // namespace

std::string make_pdf(const std::vector<PdfPage>& pages) {
  PdfMaker pdf;
  pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
  std::string kids;
  for (std::size_t i = 0; i < pages.size(); ++i) kids += fmt::format("{} 0 R ", 3 + 2 * i);
  pdf.object(fmt::format("<< /Type /Pages /Kids [{}] /Count {} >>", kids, pages.size()));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const PdfPage& page = pages[i];
    pdf.object(fmt::format(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {} {}] /Contents {} 0 R /Resources << >> >>",
        page.width, page.height, 4 + 2 * i));
    const std::string drawing =
        fmt::format("{} {} {} rg 0 0 {} {} re f", page.color[0], page.color[1], page.color[2],
                    page.width / 2, page.height);
    pdf.object(fmt::format("<< /Length {} >>\nstream\n{}\nendstream", drawing.size(), drawing));
  }
  return pdf.finish();
}

std::string make_psd(const vips::VImage& image, int mode) {
  const vips::VImage memory = image.copy_memory();
  const auto* pixels = static_cast<const char*>(memory.data());
  const auto bands = static_cast<std::size_t>(memory.bands());
  const std::size_t count =
      static_cast<std::size_t>(memory.width()) * static_cast<std::size_t>(memory.height());
  ByteMaker file;
  file.text("8BPS").big(1, 2).zeros(6).big(bands, 2);
  file.big(static_cast<std::uint64_t>(memory.height()), 4);
  file.big(static_cast<std::uint64_t>(memory.width()), 4);
  file.big(8, 2).big(static_cast<std::uint64_t>(mode), 2).section("").section("");
  // Minus one layer: a fourth plane is transparency.
  file.section(bands == 4 && mode == 3 ? ByteMaker().section(ByteMaker().big(0xFFFF, 2).str()).str()
                                       : "");
  file.big(0, 2);
  std::string plane(count, '\0');
  for (std::size_t band = 0; band < bands; ++band) {
    for (std::size_t i = 0; i < count; ++i) plane[i] = pixels[i * bands + band];
    file.text(plane);
  }
  return file.str();
}

std::string make_icon(const std::vector<std::string>& files, const std::vector<int>& sides) {
  ByteMaker icon;
  icon.little(0, 2).little(1, 2).little(files.size(), 2);
  std::size_t at = 6 + 16 * files.size();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto side = static_cast<std::uint64_t>(sides.at(i));
    icon.little(side, 1).little(side, 1).zeros(2).little(1, 2).little(32, 2);
    icon.little(files[i].size(), 4).little(at, 4);
    at += files[i].size();
  }
  for (const std::string& file : files) icon.text(file);
  return icon.str();
}

}  // namespace millrace::workers::image
