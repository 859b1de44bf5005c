#include "server/list_page.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

TEST(ListPageTest, PagesFollowEachOtherToTheEnd) {
  const std::vector<Json> list = {0, 1, 2, 3, 4};
  const ListPage first = page_at(list, 0, 2);
  EXPECT_EQ(Json(first.entries), (Json{0, 1}));
  EXPECT_EQ(first.next, "2");
  const ListPage last = page_at(list, 4, 2);
  EXPECT_EQ(Json(last.entries), Json::array({4}));
  EXPECT_EQ(last.next, "");
  EXPECT_EQ(page_at(list, 3, 2).next, "") << "nothing comes behind it";
}

TEST(ListPageTest, BehindTheEndThereIsNothing) {
  EXPECT_TRUE(page_at({1, 2}, 2, 10).entries.empty());
  EXPECT_TRUE(page_at({1, 2}, 9'223'372'036'854'775'807, 9'223'372'036'854'775'807).entries.empty());
  EXPECT_EQ(page_at({1, 2}, 0, 9'223'372'036'854'775'807).entries.size(), 2U);
}

}  // namespace
}  // namespace tillite::testing
