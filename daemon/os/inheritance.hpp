// What a process inherits from whoever starts it, and what a daemon cannot leave as it is: signals
// that are blocked or kill, standard descriptors that are closed, a umask that hides its own files.
#pragma once

#include <initializer_list>

namespace rategate {

// A signal that comes from now on waits until take_signals() is called for it. For SIGHUP, at the
// very start: it asks for what is in force or about to be read, and kills whoever does not expect
// it.
void hold_signal(int number);
// Its handler is there: what has come meanwhile comes now. Also where the signal was blocked before
// this program began.
void take_signals(std::initializer_list<int> numbers);

// Opens /dev/null as each of the descriptors 0 to 2 that is closed: whatever is opened next would
// have its number, and be read, or be written the log to, as one of those. Close-on-exec. False
// where that is not possible.
[[nodiscard]] bool open_standard_descriptors();

// A umask that takes rights from the user itself takes them no more.
void keep_own_rights();

}  // namespace rategate
