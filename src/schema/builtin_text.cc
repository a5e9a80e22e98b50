#include "schema/builtin_text.h"

// The assembler reads the file: no compile time, no copy at start, pages shared by all processes of the program.
asm(".pushsection .rodata\n"
    ".global slipway_schema_text\n"
    ".global slipway_schema_text_end\n"
    "slipway_schema_text:\n"
    ".incbin \"" SLIPWAY_SCHEMA_TEXT
    "\"\n"
    "slipway_schema_text_end:\n"
    ".global slipway_schema_defaults\n"
    ".global slipway_schema_defaults_end\n"
    "slipway_schema_defaults:\n"
    ".incbin \"" SLIPWAY_SCHEMA_DEFAULTS
    "\"\n"
    "slipway_schema_defaults_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" const char slipway_schema_text[];
extern "C" const char slipway_schema_text_end[];
extern "C" const char slipway_schema_defaults[];
extern "C" const char slipway_schema_defaults_end[];

namespace slipway::schema {

std::string_view builtinText() {
  return {slipway_schema_text, static_cast<size_t>(slipway_schema_text_end - slipway_schema_text)};
}

std::string_view builtinDefaults() {
  return {slipway_schema_defaults, static_cast<size_t>(slipway_schema_defaults_end - slipway_schema_defaults)};
}

}  // namespace slipway::schema
