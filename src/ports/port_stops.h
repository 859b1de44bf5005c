#pragma once

#include <stop_token>

namespace tillite {

/// What ends the calls that ports have under way. Rows and messages have the later one, so that a step that was held up
/// by an object can still give back its lock and its messages.
struct PortStops {
  std::stop_token objects;  ///< of stores of objects, and of the provider
  std::stop_token rows;     ///< of the table and the queue
};

}  // namespace tillite
