// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pipeline/pipeline.h"

namespace millrace::pipeline {

// Where a request was sent to, as the client sees it.
struct RequestPlace {
  std::string_view scheme;  // "https"
  std::string_view host;    // with its port, as in the Host field; empty: the client named none
  std::string_view target;  // as received, with its query
};

// Asked only where some command needs to know.
using AskPlace = std::function<RequestPlace()>;

// The URL of the original: without the query, whose token would make a secret of it. Bytes that
// have no place in a URL, though clients send them, are percent-encoded.
std::string original_url(const RequestPlace& place);

// Gives the parameters that their specs say are from the request (ParameterSpec::from_request) to
// every call that has them, each at its place in canonical text. So whoever runs the pipeline needs
// to know nothing but the pipeline, and a cache keeps apart what differs by it. BadParameter when
// the client wrote one itself, named no host, or the value is longer than the parameter takes.
// O(pipeline).
base::Result<void> fill_from_request(Pipeline& pipeline, const Catalogue& catalogue,
                                     const AskPlace& place);

// Whether the first command takes a file of any kind ("file"): then nothing is known of its source.
bool takes_any_file(const Pipeline& pipeline, const Catalogue& catalogue);

}  // namespace millrace::pipeline
