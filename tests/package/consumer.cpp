// consumer home FOLDER TEXT, or consumer export FOLDER TEXT: prints the documents of the nearest lines.
#include <tillite/collection.h>

#include <iostream>
#include <string>

int main(int count, char** arguments) {
  using tillite::v1::Collection;
  if (count != 4) return 2;
  try {
    const std::string kind = arguments[1];
    const Collection lines = kind == "home" ? Collection::open_home(arguments[2], "receipt_lines")
                                            : Collection::open_export(arguments[2], tillite::v1::kLocalModel);
    tillite::v1::QueryOptions options;
    options.k = 5;
    for (const auto& hit : lines.query(arguments[3], options)) std::cout << hit.record.document << "\n";
  } catch (const tillite::v1::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
