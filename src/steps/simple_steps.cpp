#include "steps/simple_steps.h"

namespace tillite {

const std::vector<NamedStep>& simple_steps() {
  static const std::vector<NamedStep> steps = {
      {"find_unembedded", "embedding-line-find", &find_unembedded},
      {"find_unembedded_words", "embedding-word-find", &find_unembedded_words},
      {"submit_openai", "embedding-line-submit", &submit_batch, true},
      {"submit_words_openai", "embedding-word-submit", &submit_batch, true},
      {"list_pending", "embedding-list-pending", &list_pending},
      {"split_into_chunks", "embedding-split-chunks", &split_into_chunks},
      {"mark_complete", "embedding-mark-complete", &mark_complete, true},
  };
  return steps;
}

}  // namespace tillite
