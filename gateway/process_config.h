// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/config.h"
#include "base/result.h"
#include "gateway/gateway.h"

namespace millrace::gateway {

// What this process reads of the one configuration file: gateway: and buckets:; other processes'
// sections are known and left alone. BadParameter with a sentence for the operator. Reads the
// fleet's key.
base::Result<Gateway::Options> load_process_config(const std::string& file,
                                                   const base::Environment& environment);

}  // namespace millrace::gateway
