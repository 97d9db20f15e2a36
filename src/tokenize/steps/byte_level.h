// Trimming of offsets, shared by ByteLevel and RobertaProcessing.
#pragma once

#include "tokenize/encoding.h"

namespace orrery::steps {

// Moves offsets inside the white space at a token's ends. With add_prefix_space a single leading space of the first
// token is taken for the one that was added, and stays.
void trim_offsets(Encoding& encoding, bool add_prefix_space);

}  // namespace orrery::steps
