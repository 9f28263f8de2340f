// What a [limits.NAME] table says of blocks: docs/blocking.md.
#pragma once

#include "daemon/config/concurrency.hpp"
#include "daemon/config/document.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {

// `fault` is called where it is wrong. `limit` has been read but for that.
void read_block_for(const Table& table, Limit& limit, const SettingFault& fault);

}  // namespace rategate
