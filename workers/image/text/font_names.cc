// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/font_names.h"

#include <array>

namespace millrace::workers::image {
namespace {

// Where fonts-noto-cjk and fonts-dejavu-core put them: the same places on Debian 12 and 13 and on
// Ubuntu 24.04.
constexpr std::string_view kSans = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
constexpr std::string_view kSansBold = "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc";
constexpr std::string_view kSerif = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc";
constexpr std::string_view kSerifBold = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc";

constexpr std::array kPlaces = {
    FontPlace{"Noto Sans CJK SC", "Noto Sans CJK SC", kSans, false, false, true},
    FontPlace{"Noto Sans CJK SC Bold", "Noto Sans CJK SC", kSansBold, false, true, true},
    FontPlace{"Noto Sans CJK TC", "Noto Sans CJK TC", kSans},
    FontPlace{"Noto Sans CJK JP", "Noto Sans CJK JP", kSans},
    FontPlace{"Noto Sans CJK KR", "Noto Sans CJK KR", kSans},
    FontPlace{"Noto Serif CJK SC", "Noto Serif CJK SC", kSerif, true, false, true},
    FontPlace{"Noto Serif CJK SC Bold", "Noto Serif CJK SC", kSerifBold, true, true, true},
    FontPlace{"Noto Serif CJK TC", "Noto Serif CJK TC", kSerif, true},
    FontPlace{"Noto Serif CJK JP", "Noto Serif CJK JP", kSerif, true},
    FontPlace{"Noto Serif CJK KR", "Noto Serif CJK KR", kSerif, true},
    FontPlace{"DejaVu Sans", "DejaVu Sans", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
              false, false, true},
    FontPlace{"DejaVu Sans Bold", "DejaVu Sans",
              "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf", false, true, true},
    FontPlace{"DejaVu Serif", "DejaVu Serif", "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf",
              true, false, true},
    FontPlace{"DejaVu Serif Bold", "DejaVu Serif",
              "/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf", true, true, true},
    FontPlace{"DejaVu Sans Mono", "DejaVu Sans Mono",
              "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"},
};

constexpr std::array kAliases = {
    FontAlias{"黑体", "Noto Sans CJK SC"},
    FontAlias{"SimHei", "Noto Sans CJK SC"},
    FontAlias{"微软雅黑", "Noto Sans CJK SC"},
    FontAlias{"Microsoft YaHei", "Noto Sans CJK SC"},
    FontAlias{"苹方", "Noto Sans CJK SC"},
    FontAlias{"PingFang SC", "Noto Sans CJK SC"},
    FontAlias{"华文黑体", "Noto Sans CJK SC"},
    FontAlias{"STHeiti", "Noto Sans CJK SC"},
    FontAlias{"思源黑体", "Noto Sans CJK SC"},
    FontAlias{"Source Han Sans SC", "Noto Sans CJK SC"},
    FontAlias{"文泉驿微米黑", "Noto Sans CJK SC"},
    FontAlias{"WenQuanYi Micro Hei", "Noto Sans CJK SC"},
    FontAlias{"文泉驿正黑", "Noto Sans CJK SC"},
    FontAlias{"WenQuanYi Zen Hei", "Noto Sans CJK SC"},
    FontAlias{"微软雅黑 Bold", "Noto Sans CJK SC Bold"},
    FontAlias{"Microsoft YaHei Bold", "Noto Sans CJK SC Bold"},
    FontAlias{"微軟正黑體", "Noto Sans CJK TC"},
    FontAlias{"Microsoft JhengHei", "Noto Sans CJK TC"},
    FontAlias{"宋体", "Noto Serif CJK SC"},
    FontAlias{"SimSun", "Noto Serif CJK SC"},
    FontAlias{"新宋体", "Noto Serif CJK SC"},
    FontAlias{"NSimSun", "Noto Serif CJK SC"},
    FontAlias{"华文宋体", "Noto Serif CJK SC"},
    FontAlias{"STSong", "Noto Serif CJK SC"},
    FontAlias{"思源宋体", "Noto Serif CJK SC"},
    FontAlias{"Source Han Serif SC", "Noto Serif CJK SC"},
    FontAlias{"仿宋", "Noto Serif CJK SC"},
    FontAlias{"FangSong", "Noto Serif CJK SC"},
    FontAlias{"楷体", "Noto Serif CJK SC"},
    FontAlias{"KaiTi", "Noto Serif CJK SC"},
    FontAlias{"細明體", "Noto Serif CJK TC"},
    FontAlias{"新細明體", "Noto Serif CJK TC"},
    FontAlias{"MingLiU", "Noto Serif CJK TC"},
    FontAlias{"PMingLiU", "Noto Serif CJK TC"},
    FontAlias{"Arial", "DejaVu Sans"},
    FontAlias{"Helvetica", "DejaVu Sans"},
    FontAlias{"Verdana", "DejaVu Sans"},
    FontAlias{"Tahoma", "DejaVu Sans"},
    FontAlias{"Arial Bold", "DejaVu Sans Bold"},
    FontAlias{"Times New Roman", "DejaVu Serif"},
    FontAlias{"Georgia", "DejaVu Serif"},
    FontAlias{"Courier New", "DejaVu Sans Mono"},
    FontAlias{"Consolas", "DejaVu Sans Mono"},
};

}  // namespace

std::span<const FontPlace> font_places() { return kPlaces; }
std::span<const FontAlias> font_aliases() { return kAliases; }

}  // namespace millrace::workers::image
