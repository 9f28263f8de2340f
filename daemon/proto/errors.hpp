// Every error text that the socket can answer, in one table. docs/protocol.md has the same table,
// and a test holds the two against each other.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace rategate {

// A complete error reply: code and text, without '-' and CRLF.
using ErrorText = std::string;

enum class ErrorId : std::uint8_t {
  // The bytes are no request. The connection is closed after each of these.
  InvalidMultibulkLength,
  InvalidBulkLength,
  ExpectedDollar,  // the byte
  ExpectedCrlf,
  MbulkCountTooBig,
  BulkCountTooBig,
  InlineTooBig,
  UnbalancedQuotes,
  RequestTooBig,  // max_request
  OtherProtocol,  // its name
  // The verb.
  UnknownCommand,     // use unknown_command_error
  UnknownSubcommand,  // subcommand, command
  WrongArity,         // command
  // CHECK.
  CheckSyntax,    // the word, command, arguments
  OptionTwice,    // the option
  OptionMissing,  // the option, command, arguments
  NoTriples,      // words, arguments
  LimitWithoutPeriod,
  InvalidLimitName,  // name
  KeyTooLong,        // bytes of the key
  InvalidCost,       // word
  InvalidAmount,     // word
  InvalidReceipt,    // word
  InvalidTimeout,    // word
  InvalidFor,        // word
  InvalidTicket,     // word
  InvalidPermits,    // word
  InvalidPeriod,     // word
  NoLimit,           // use no_limit_error for these four
  NoLimitNear,
  NoLimitOff,
  NoLimitNearOff,
  KeyNoAddress,        // key, limit
  StoreDown,           // limit
  SettleOff,           // limit
  TooManyParked,       // limit
  NotCleared,          // limit, why
  NotReloaded,         // how many faults there are; the first, at length
  TooManyMembers,      // how many
  CheckOfConcurrency,  // limit
  EnterOfRate,         // limit
  TooManyEntered,      // limit
  StayOfConnection,    // nothing of it
  // CL.THROTTLE.
  CellUsage,       // nothing of it
  CellNotInteger,  // word
  CellOutOfRange,  // name, word, least, most
  CellZeroRate,
  CellTooSlow,  // what is wrong
  // ATTACH.
  NoShm,
  ShmBusy,
  ShmDenied,
  NotTrusted,  // command
  NotAdmin,    // command
  AttachAlone,
  // Other verbs.
  SyntaxError,
  NoSuchProtocol,
  ProtocolNotNumber,
  HelloOption,  // word
  WrongPassword,
  NoPassword,
  DbNotNumber,
  DbOutOfRange,
  BadClientName,
  BadLibInfo,  // lib-name or lib-ver
  NameTooLong,
  ClientOption,  // word
  // The daemon.
  OutputFull,
  MaxClients,
  ShuttingDown,
  Count_,
};

struct ErrorRow {
  ErrorId id;
  std::string_view code;     // the first word of the reply: "ERR"
  std::string_view pattern;  // the rest; each {name} stands for a value
  std::string_view meaning;  // one sentence for docs/protocol.md
};

// In the order of ErrorId.
std::span<const ErrorRow> error_table();

// The most bytes that an error shows of something a client sent.
inline constexpr std::size_t kMaxShownBytes = 128;

// `bytes` as a line may show it: bytes other than printable ASCII as \n, \r, \t or \xHH, and no
// more than `max_bytes` of text in all, cut between escapes.
std::string shown(std::string_view bytes, std::size_t max_bytes = kMaxShownBytes);

// What stands in for a {name}: a number, or bytes of a client, which are escaped and shortened.
class ErrorValue {
 public:
  ErrorValue(std::string_view bytes) : text_(shown(bytes)) {}
  ErrorValue(const char* bytes) : text_(shown(bytes)) {}
  ErrorValue(const std::string& bytes) : text_(shown(bytes)) {}
  ErrorValue(std::integral auto number) : text_(std::to_string(number)) {}
  // As many bytes of it as that.
  ErrorValue(std::string_view bytes, std::size_t max_bytes) : text_(shown(bytes, max_bytes)) {}

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The reply's text, with `values` put in for the pattern's {names} in order. There are as many.
[[nodiscard]] ErrorText error_text(ErrorId id, std::initializer_list<ErrorValue> values = {});

// `words` is the whole request. Shows the first arguments, 128 bytes of them, as Redis does.
[[nodiscard]] ErrorText unknown_command_error(std::span<const std::string_view> words);

// `near` is the most similar name there is, or empty. `declared_off` is whether the call declared
// the limit and `declared_limits` is off.
[[nodiscard]] ErrorText no_limit_error(std::string_view limit, std::string_view near,
                                       bool declared_off);

}  // namespace rategate
