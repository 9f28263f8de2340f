// Every verb, in the order in which COMMAND and docs/protocol.md tell of them: the one list of
// them. Each has its row, its handler and its help in the file of its name.
#pragma once

#include "daemon/proto/verbs/verb.hpp"

#define RATEGATE_EACH_VERB(ROW) \
  ROW(Check)                    \
  ROW(Checkx)                   \
  ROW(Checkall)                 \
  ROW(Peek)                     \
  ROW(Explain)                  \
  ROW(Acquire)                  \
  ROW(Acquirex)                 \
  ROW(Enter)                    \
  ROW(Leave)                    \
  ROW(Stay)                     \
  ROW(Settle)                   \
  ROW(Refund)                   \
  ROW(Clear)                    \
  ROW(Reload)                   \
  ROW(ClThrottle)               \
  ROW(Resolve)                  \
  ROW(Attach)                   \
  ROW(Limits)                   \
  ROW(Info)                     \
  ROW(Ping)                     \
  ROW(Echo)                     \
  ROW(Hello)                    \
  ROW(Auth)                     \
  ROW(Select)                   \
  ROW(Client)                   \
  ROW(Command)                  \
  ROW(Reset)                    \
  ROW(Quit)

namespace rategate {

#define RATEGATE_DECLARE_ROW(name) extern const Verb k##name##Verb;
RATEGATE_EACH_VERB(RATEGATE_DECLARE_ROW)
#undef RATEGATE_DECLARE_ROW

}  // namespace rategate
