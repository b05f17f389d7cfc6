// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "workers/image/face/detector.h"

namespace millrace::workers::face {

// Intersection over union of two boxes, 0..1.
double overlap(const Box& a, const Box& b);

// What is left of `box` inside a picture of width x height px; empty (0 x 0) when nothing is.
Box clipped(const Box& box, int width, int height);

// By falling score; equal ones from left to right, so that the same picture always gives the same
// order. Scores are numbers.
void sort_best_first(std::vector<Face>& faces);

// By falling area; equal ones from left to right, and from the top.
void sort_largest_first(std::vector<Face>& faces);

// Non-maximum suppression, greedy: best score first, each candidate that overlaps one already kept
// by more than `overlap_max` goes. Candidates with a score or box that is not a number go first of
// all. O(n log n + n x kept).
std::vector<Face> suppress_overlaps(std::vector<Face> candidates, double overlap_max,
                                    std::size_t kept_max);

}  // namespace millrace::workers::face
