#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/interrupt.h"

int main(int argc, char** argv) {
  orrery::cli::leave_nothing_half_written();
  return orrery::cli::run_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
