#include "vectors/hnsw/codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "vectors/hnsw/rotation.h"

namespace tillite::testing {
namespace {

using Vectors = std::vector<std::vector<float>>;

/// Vectors of unit length at all distances from the first.
Vectors spread_vectors(std::size_t count, std::size_t dimensions) {
  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  Vectors vectors(count, std::vector<float>(dimensions));
  for (std::size_t i = 0; i < count; ++i) {
    const float share = static_cast<float>(i) / static_cast<float>(count);
    float square = 0;
    for (std::size_t d = 0; d < dimensions; ++d) {
      vectors[i][d] = share * normal(random) + (1 - share) * (i == 0 ? normal(random) : vectors[0][d] * 30);
      square += vectors[i][d] * vectors[i][d];
    }
    for (float& number : vectors[i]) number /= std::sqrt(square);
  }
  return vectors;
}

/// Vectors at about one distance from each other.
Vectors crowded_vectors(std::size_t count, std::size_t dimensions) {
  std::mt19937_64 random(6);
  std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(dimensions)));
  Vectors vectors(count, std::vector<float>(dimensions));
  for (auto& vector : vectors) std::ranges::generate(vector, [&] { return normal(random); });
  return vectors;
}

float squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

Codes codes_of(const Vectors& vectors, std::size_t bits) {
  Codes codes(std::vector<float>(vectors.front().size(), 0.01F), bits, 7);
  codes.resize(vectors.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) codes.encode(static_cast<Node>(i), vectors[i]);
  return codes;
}

std::vector<std::byte> signs_of(const Codes& codes) {
  const auto signs = codes.parts().front();
  return {signs.begin(), signs.end()};
}

TEST(CodesOf8BitsTest, HaveTheSameSignsWhetherTheseWerePutOffOrNot) {
  const auto vectors = crowded_vectors(50, 100);
  const auto at_once = codes_of(vectors, 8);
  Codes codes(std::vector<float>(100, 0.01F), 8, 7);
  const auto encode = [&](Node begin, Node end) {
    codes.resize(end);
    for (Node i = begin; i < end; ++i) codes.encode(i, vectors[i]);
  };
  encode(0, 10);
  codes.put_off_signs();
  encode(10, 40);
  const Node first = codes.resume_signs();
  EXPECT_EQ(first, 10);
  for (Node i = first; i < 40; ++i) codes.put_signs(i);
  encode(40, 50);
  EXPECT_EQ(signs_of(codes), signs_of(at_once));
  EXPECT_EQ(codes.rough_distance(20, 45), at_once.rough_distance(20, 45));
}

TEST(RotationTest, LeavesDistancesAsTheyAre) {
  for (const std::size_t size : {1U, 2U, 3U, 64U, 100U, 1536U}) {
    auto vectors = spread_vectors(3, size);
    const float before = squared_distance(vectors[1], vectors[2]);
    const Rotation rotation(size, 11);
    for (auto& vector : vectors) rotation.apply(vector);
    EXPECT_NEAR(squared_distance(vectors[1], vectors[2]), before, 1e-4) << size;
  }
}

TEST(RotationTest, SpreadsASingleNumberOverAll) {
  std::vector<float> vector(1536, 0);
  vector[3] = 1;
  Rotation(vector.size(), 11).apply(vector);
  const float largest = std::ranges::max(vector, {}, [](float number) { return std::abs(number); });
  EXPECT_LT(std::abs(largest), 0.2F);
}

class CodesTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(CodesTest, TellDistancesNearly) {
  const auto vectors = spread_vectors(40, 1536);
  const Codes codes = codes_of(vectors, GetParam());
  const float error_max = GetParam() == 8 ? 0.004F : GetParam() == 4 ? 0.06F : GetParam() == 2 ? 0.3F : 0.8F;
  for (Node node = 1; node < vectors.size(); ++node) {
    const float exact = squared_distance(vectors[0], vectors[node]);
    EXPECT_NEAR(codes.distance(0, node), exact, error_max) << node;
    EXPECT_EQ(codes.distance(0, node), codes.distance(node, 0));
  }
}

TEST_P(CodesTest, OfEqualVectorsAreAtDistanceZero) {
  auto vectors = spread_vectors(2, 100);
  vectors.push_back(vectors[1]);
  const Codes codes = codes_of(vectors, GetParam());
  EXPECT_NEAR(codes.distance(1, 2), 0, 1e-5);
  EXPECT_NEAR(codes.rough_distance(1, 2), 0, 1e-5);
}

TEST_P(CodesTest, LeadTheWayByTheirSigns) {
  const auto vectors = spread_vectors(40, 1536);
  const Codes codes = codes_of(vectors, GetParam());
  EXPECT_LT(codes.rough_distance(0, 1), codes.rough_distance(0, 20));
  EXPECT_LT(codes.rough_distance(0, 20), codes.rough_distance(0, 39));
}

/// Pairs of vectors that seem to be in the other order than they are.
template <typename Apart>
int misplaced(const Vectors& vectors, const Apart& apart) {
  int count = 0;
  for (Node a = 1; a < vectors.size(); ++a) {
    for (Node b = 1; b < a; ++b) {
      const bool is_nearer = squared_distance(vectors[0], vectors[a]) < squared_distance(vectors[0], vectors[b]);
      count += (apart(a) < apart(b)) != is_nearer ? 1 : 0;
    }
  }
  return count;
}

TEST_P(CodesTest, OfATargetPutOthersInABetterOrderThanItsSigns) {
  const auto vectors = spread_vectors(80, 1536);
  Codes codes = codes_of(vectors, GetParam());
  const Codes::Target target = codes.encode_target(0, vectors[0]);
  EXPECT_LT(misplaced(vectors, [&](Node node) { return codes.rough_distance(target.rough, node); }),
            misplaced(vectors, [&](Node node) { return codes.rough_distance(0, node); }));
}

TEST_P(CodesTest, OfATargetTellDistancesNoWorseThanTwoCodes) {
  auto vectors = crowded_vectors(80, 1536);
  int by_target = 0;
  int by_codes = 0;
  for (std::size_t i = 0; i < vectors.size(); ++i) {  // each is the target once: one alone may have luck
    std::swap(vectors[0], vectors[i]);
    Codes codes = codes_of(vectors, GetParam());
    const Codes::Target target = codes.encode_target(0, vectors[0]);
    by_target += misplaced(vectors, [&](Node node) { return codes.distance(target, node); });
    by_codes += misplaced(vectors, [&](Node node) { return codes.distance(0, node); });
  }
  if (GetParam() == 8) {
    EXPECT_EQ(by_target, by_codes) << "a target has no more bits";
  } else {
    EXPECT_LT(by_target, by_codes);
  }
}

TEST_P(CodesTest, MakeATargetThatTellsDistancesNearly) {
  const auto vectors = spread_vectors(40, 1536);
  const Codes codes = codes_of(vectors, GetParam());
  const auto target = codes.target_of(0);
  std::vector<Node> nodes(vectors.size());
  std::iota(nodes.begin(), nodes.end(), Node{0});
  std::vector<float> distances(nodes.size());
  codes.rough_distances(target, nodes, distances);
  for (const Node node : nodes) {
    EXPECT_NEAR(distances[node], codes.rough_distance(0, node), 0.5) << node;
    EXPECT_EQ(distances[node], codes.rough_distance(target, node));
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, CodesTest, ::testing::Values(1, 2, 4, 8));

}  // namespace
}  // namespace tillite::testing
