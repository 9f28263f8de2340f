// HELP of a verb that has subcommands.
#pragma once

#include "daemon/proto/verbs/verb.hpp"

namespace rategate {

Handler handle_help;

}  // namespace rategate
