// From the numbers of a report to what to do: fits, watch, extend, or train your own.
#pragma once

#include "base/json.h"
#include "vocabulary/report.h"

namespace orrery {

// Adds "verdict", "reasons" (each measure with its value, its limits and how it stands) and "advice" to the report.
void judge(Json& report, const Thresholds& thresholds);

}  // namespace orrery
