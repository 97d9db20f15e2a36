// What happens on Ctrl-C, a `kill` and a closed pipe.
#pragma once

namespace orrery::cli {

// From here on SIGINT, SIGTERM and SIGHUP remove the files that are not yet whole and then end the process as they
// would have; writing to a closed pipe is an error of that write. Call it first in main(): threads inherit the mask.
void leave_nothing_half_written();

}  // namespace orrery::cli
