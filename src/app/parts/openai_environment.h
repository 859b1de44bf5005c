#pragma once

#include "adapters/openai/openai_settings.h"
#include "steps/settings.h"

namespace tillite {

/// Whether the environment says anything of OpenAI: a key, or the address of a compatible server.
[[nodiscard]] bool names_openai(const Environment& environment);

/// OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, SSL_CERT_FILE
/// (docs/settings.md). `invalid_input` names the variable and what it takes, never the key.
[[nodiscard]] Result<OpenAiSettings> read_openai_settings(const Environment& environment);

}  // namespace tillite
