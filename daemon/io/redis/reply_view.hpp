// What hiredis has read, as what daemon/store/redis reads.
#pragma once

#include <hiredis/hiredis.h>

#include "daemon/store/redis/reply_view.hpp"

namespace rategate {

ReplyView view_of(const redisReply& reply);

}  // namespace rategate
