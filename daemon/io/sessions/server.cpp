#include "daemon/io/sessions/server.hpp"

namespace rategate {

void Server::answered(const Answer& answer) {
  reply_.clear();
  write_answer(reply_, answer);
  sessions_.answered(answer.ticket, reply_);
}

}  // namespace rategate
