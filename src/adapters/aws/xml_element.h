#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tillite {

/// The text of the first element of that name in an answer of AWS's, which has neither attributes on such elements nor
/// comments: of errors and of STS. Nothing if there is none, or it holds other elements, or an entity that is not
/// XML's.
[[nodiscard]] std::optional<std::string> xml_element_text(std::string_view xml, std::string_view name);

}  // namespace tillite
