// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::pipeline {

// A number inside a ValueForm.
struct FormNumber {
  std::string name;  // small letters
  std::int64_t min = 0;
  std::int64_t max = 0;
  int decimals_max = 0;  // digits after the point; min and max hold for the whole number
  // Written with "a" (add) or "-" before its digits, as in "a30-100".
  bool is_offset = false;
  friend bool operator==(const FormNumber&, const FormNumber&) = default;
};

// A shape that a value may have: "<w>x<h>!" is a number, an "x", a number and an exclamation mark.
// What stands between < and > is the name of one of `numbers`, in their order; everything else
// stands for itself.
struct ValueForm {
  std::string text;
  std::vector<FormNumber> numbers;
  std::string summary;  // one sentence
  friend bool operator==(const ValueForm&, const ValueForm&) = default;
};

// A value that fits a form.
struct FormValue {
  std::size_t form = 0;         // which of the forms
  std::vector<double> numbers;  // in the order of their places; offsets with their sign
  friend bool operator==(const FormValue&, const FormValue&) = default;
};

// The first form that `given` fits; nullopt: none. O(forms x length).
std::optional<FormValue> match_form(const std::vector<ValueForm>& forms, std::string_view given);

// The one text of it: numbers without needless zeros, "a0" for an offset of nothing.
std::string form_text(const std::vector<ValueForm>& forms, const FormValue& value);

// Whether the form can be matched: its names are those of its numbers, in that order, no two
// numbers touch (unless the second is an offset), ranges hold something. Internal says what is
// wrong.
base::Result<void> validate(const ValueForm& form);

}  // namespace millrace::pipeline
