#include "daemon/io/sessions/server.hpp"

namespace rategate {

void Server::answered(const Answer& answer) {
  reply_.clear();
  write_answer(reply_, answer);
  sessions_.answered(answer.ticket, reply_);
}

void Server::cleared(const Cleared& answer) {
  reply_.clear();
  write_cleared(reply_, answer);
  sessions_.answered(answer.ticket, reply_);
}

void Server::entered(const EntryAnswer& answer) {
  reply_.clear();
  write_entered(reply_, answer);
  sessions_.answered(answer.ticket, reply_);
}

}  // namespace rategate
