// The lines that the log gets of what happens on the way to the store: one table.
#pragma once

#include <string_view>

#include "daemon/io/log/log.hpp"
#include "daemon/store/link.hpp"
#include "daemon/store/store_event.hpp"

namespace rategate {

// Logs the event where it is worth a line. `max_error_us` is the clock's bound.
void log_store_event(Log& log, const StoreEvent& event, const StoreStatus& status,
                     std::int64_t max_error_us);

}  // namespace rategate
