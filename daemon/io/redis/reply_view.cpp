#include "daemon/io/redis/reply_view.hpp"

namespace rategate {
namespace {

ReplyView element_of(const void* elements, std::uint32_t at) {
  return view_of(*static_cast<redisReply* const*>(elements)[at]);
}

std::string_view bytes_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

}  // namespace

ReplyView view_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return ReplyView::integer(reply.integer);
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return ReplyView::text(bytes_of(reply));
    case REDIS_REPLY_ERROR:
      return ReplyView::error(bytes_of(reply));
    case REDIS_REPLY_ARRAY:
      return ReplyView::array(static_cast<const void*>(reply.element), reply.elements, element_of);
    default:  // nothing that is asked for is answered by a nil, or by what only RESP3 has
      return ReplyView::other();
  }
}

}  // namespace rategate
