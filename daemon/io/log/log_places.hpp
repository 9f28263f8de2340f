// Where the log's targets are found on this machine.
#pragma once

#include <cstdlib>
#include <string>

struct iovec;

namespace rategate {

// Where the targets are; tests have their own.
struct LogPlaces {
  int stderr_fd = 2;  // not owned
  std::string journal_socket = "/run/systemd/journal/socket";
  int (*journal_send)(const iovec*, int) = nullptr;  // nullptr: sd_journal_sendv
  // "device:inode" of the stderr that systemd has led to the journal; nullptr: it has led none.
  const char* journal_stream = std::getenv("JOURNAL_STREAM");
};

}  // namespace rategate
