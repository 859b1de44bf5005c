#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace tillite {

/// Text to a vector of unit length, on this machine. Deterministic; threads: any.
class Embedder {
 public:
  virtual ~Embedder() = default;
  [[nodiscard]] virtual std::vector<float> embed(std::string_view text, std::size_t dimensions) const = 0;
  [[nodiscard]] std::vector<float> embed(std::string_view text) const { return embed(text, dimensions()); }
  [[nodiscard]] virtual std::size_t dimensions() const = 0;  ///< of a vector if no number is asked for
  [[nodiscard]] virtual std::string_view model() const = 0;
};

/// Character n-grams (2 to 4, of the folded text with a blank at both ends) hashed with a sign to `dimensions` numbers.
/// Related spellings are near each other; synonyms are not.
class NgramEmbedder final : public Embedder {
 public:
  explicit NgramEmbedder(std::size_t dimensions = 1536) : dimensions_(dimensions) {}
  using Embedder::embed;
  [[nodiscard]] std::vector<float> embed(std::string_view text, std::size_t dimensions) const override;
  [[nodiscard]] std::size_t dimensions() const override { return dimensions_; }
  [[nodiscard]] std::string_view model() const override { return "tillite-ngram-1"; }

 private:
  std::size_t dimensions_;
};

}  // namespace tillite
