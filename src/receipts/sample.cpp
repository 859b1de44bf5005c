#include "receipts/sample.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/text.h"
#include "base/uuid.h"

namespace tillite {
namespace {

/// splitmix64: small, good enough, and the same everywhere (the standard's distributions are not).
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// From least to most, both included.
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(most - least + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <typename List>
  const auto& pick(const List& list) {
    return list[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(std::size(list)) - 1))];
  }
  /// Mostly the first of a list: some things are bought all the time.
  template <typename List>
  const auto& pick_popular(const List& list) {
    const auto a = between(0, static_cast<std::int64_t>(std::size(list)) - 1);
    const auto b = between(0, static_cast<std::int64_t>(std::size(list)) - 1);
    return list[static_cast<std::size_t>(std::min(a, b))];
  }

 private:
  std::uint64_t state_;
};

struct Product {
  std::string_view name;
  int price;  ///< in cents
};

constexpr std::array kGroceries = {
    Product{"WHOLE MILK 1L", 129},     Product{"WHITE BREAD", 189},     Product{"BANANAS", 145},
    Product{"FREE RANGE EGGS 6", 249}, Product{"SALTED BUTTER", 279},   Product{"TOMATOES 500G", 199},
    Product{"OAT DRINK", 219},         Product{"CHEDDAR 200G", 325},    Product{"GROUND COFFEE", 499},
    Product{"ORANGE JUICE", 239},      Product{"APPLES GALA", 210},     Product{"PASTA PENNE", 99},
    Product{"OLIVE OIL 0.5L", 689},    Product{"YOGHURT NATURAL", 115}, Product{"CHICKEN BREAST", 649},
    Product{"RICE 1KG", 259},          Product{"PAPER TOWELS", 349},    Product{"DISH SOAP", 179},
    Product{"DARK CHOCOLATE", 199},    Product{"SPARKLING WATER", 79},  Product{"POTATOES 2KG", 299},
    Product{"CARRIER BAG", 10},        Product{"CRÈME FRAÎCHE", 159},   Product{"MÜSLI", 389}};
constexpr std::array kCafe = {
    Product{"FLAT WHITE", 380}, Product{"ESPRESSO", 250},     Product{"CAPPUCCINO", 390},
    Product{"CROISSANT", 290},  Product{"CAFÉ LATTE", 410},   Product{"CHEESECAKE", 550},
    Product{"ICED TEA", 350},   Product{"HAM SANDWICH", 690}, Product{"SOUP OF THE DAY", 720},
    Product{"EXTRA SHOT", 60},  Product{"OAT MILK", 50},      Product{"PAIN AU CHOCOLAT", 320}};
constexpr std::array kHardware = {Product{"WOOD SCREWS 4X40", 499},   Product{"MASKING TAPE", 389},
                                  Product{"PAINT BRUSH 50MM", 650},   Product{"LED BULB E27", 599},
                                  Product{"SANDPAPER P120", 275},     Product{"WALL PLUGS 8MM", 349},
                                  Product{"SILICONE CLEAR", 799},     Product{"HAMMER 500G", 1599},
                                  Product{"EXTENSION LEAD 3M", 1299}, Product{"GLOVES L", 449}};
constexpr std::array kPharmacy = {Product{"IBUPROFEN 200MG", 449}, Product{"PLASTERS 20", 325},
                                  Product{"TOOTHPASTE", 289},      Product{"SUNSCREEN SPF50", 1299},
                                  Product{"VITAMIN C", 699},       Product{"HAND CREAM", 549},
                                  Product{"COUGH SYRUP", 825},     Product{"COTTON PADS", 199},
                                  Product{"SHAMPOO", 479},         Product{"NASAL SPRAY", 615}};
constexpr std::array kRestaurant = {Product{"NASI LEMAK", 850},     Product{"TEH TARIK", 250},
                                    Product{"CHICKEN SATAY", 1200}, Product{"FRIED RICE", 950},
                                    Product{"MINERAL WATER", 200},  Product{"ROTI CANAI", 180},
                                    Product{"KOPI O", 220},         Product{"SET LUNCH A", 1490},
                                    Product{"炒饭", 990},           Product{"LIME JUICE", 380}};
constexpr std::array kFuel = {Product{"UNLEADED 95", 4210},   Product{"DIESEL", 5120},
                              Product{"CAR WASH BASIC", 900}, Product{"SCREEN WASH", 499},
                              Product{"COFFEE TO GO", 220},   Product{"CHEWING GUM", 150},
                              Product{"AIR FRESHENER", 399}};
constexpr std::array kBooks = {Product{"NOTEBOOK A5", 450},   Product{"BALLPOINT BLUE", 120},
                               Product{"CITY MAP", 990},      Product{"PAPERBACK NOVEL", 1099},
                               Product{"GREETING CARD", 325}, Product{"ENVELOPES C6", 275},
                               Product{"PUZZLE 500PC", 1599}, Product{"WRAPPING PAPER", 399}};

struct Merchant {
  std::string_view name;
  std::string_view street;
  std::string_view city;
  std::string_view phone;
  std::string_view currency;
  std::string_view tax_name;
  int tax_percent;
  std::span<const Product> products;
};

const std::array<Merchant, 26>& merchants() {
  static const std::array<Merchant, 26> all = {{
      {"GREENFIELD MARKET", "12 HARBOUR ROAD", "BRISTOL BS1 4QT", "0117 496 0101", "£", "VAT", 20, kGroceries},
      {"CORNER PANTRY", "88 MILL LANE", "LEEDS LS2 7EY", "0113 496 0220", "£", "VAT", 20, kGroceries},
      {"MARKTHALLE NORD", "LINDENSTRASSE 7", "10969 BERLIN", "030 5550 117", "€", "MWST", 19, kGroceries},
      {"ÉPICERIE DU PORT", "3 QUAI VAUBAN", "17000 LA ROCHELLE", "05 46 55 01 20", "€", "TVA", 20, kGroceries},
      {"SUNRISE FOODS SDN BHD", "NO. 5, JALAN MAWAR 3", "81100 JOHOR BAHRU", "07-555 0142", "RM", "GST", 6, kGroceries},
      {"VALLEY FRESH", "2301 OAK AVENUE", "PORTLAND OR 97204", "503-555-0134", "$", "SALES TAX", 8, kGroceries},
      {"THE COPPER KETTLE", "4 ABBEY SQUARE", "BATH BA1 1LY", "01225 496 030", "£", "VAT", 20, kCafe},
      {"KAFFEEHAUS MÜLLER", "HAUPTSTRASSE 19", "69117 HEIDELBERG", "06221 555 042", "€", "MWST", 19, kCafe},
      {"CAFÉ LUMIÈRE", "27 RUE DES TANNEURS", "67000 STRASBOURG", "03 88 55 09 11", "€", "TVA", 10, kCafe},
      {"BEAN STREET COFFEE", "915 PINE STREET", "SEATTLE WA 98101", "206-555-0187", "$", "SALES TAX", 10, kCafe},
      {"KOPI TIAM EAST", "BLK 210 TAMPINES ST 21", "SINGAPORE 520210", "6555 0199", "S$", "GST", 9, kCafe},
      {"FIXWELL HARDWARE", "UNIT 3 STATION PARK", "YORK YO24 1AB", "01904 496 011", "£", "VAT", 20, kHardware},
      {"BAUMARKT SÜD", "INDUSTRIEWEG 44", "81379 MÜNCHEN", "089 5550 230", "€", "MWST", 19, kHardware},
      {"HOCK SENG HARDWARE TRADING", "LOT 18, JALAN PERAK", "75300 MELAKA", "06-555 0171", "RM", "GST", 6, kHardware},
      {"TOOL SHED SUPPLY", "77 COUNTY ROUTE 9", "ALBANY NY 12207", "518-555-0162", "$", "SALES TAX", 8, kHardware},
      {"WELLSPRING PHARMACY", "61 HIGH STREET", "OXFORD OX1 4AG", "01865 496 044", "£", "VAT", 20, kPharmacy},
      {"APOTHEKE AM RATHAUS", "MARKTPLATZ 1", "79098 FREIBURG", "0761 555 0118", "€", "MWST", 19, kPharmacy},
      {"CARE PLUS DRUGSTORE", "400 MAIN STREET", "AUSTIN TX 78701", "512-555-0129", "$", "SALES TAX", 8, kPharmacy},
      {"RESTORAN SRI PUTERI", "NO. 22, JALAN KENANGA", "50450 KUALA LUMPUR", "03-5550 0193", "RM", "SST", 6,
       kRestaurant},
      {"GOLDEN WOK KITCHEN", "8 JALAN BUNGA RAYA", "10300 GEORGE TOWN", "04-555 0158", "RM", "SST", 6, kRestaurant},
      {"LAU PA NOODLE HOUSE", "18 RAFFLES LANE", "SINGAPORE 048582", "6555 0144", "S$", "GST", 9, kRestaurant},
      {"MOTORWAY FUELS J14", "M4 EASTBOUND", "HUNGERFORD RG17 0TS", "01488 496 050", "£", "VAT", 20, kFuel},
      {"TANKSTELLE KREUZ WEST", "BUNDESSTRASSE 3", "61169 FRIEDBERG", "06031 555 017", "€", "MWST", 19, kFuel},
      {"HIGHWAY 30 GAS & GO", "MILE 112", "BOISE ID 83702", "208-555-0115", "$", "SALES TAX", 6, kFuel},
      {"PAGE & QUILL BOOKS", "9 COLLEGE GREEN", "DURHAM DH1 3ET", "0191 496 022", "£", "VAT", 20, kBooks},
      {"PAPETERIE DES ARTS", "14 PLACE DU MARCHÉ", "1204 GENÈVE", "022 555 01 23", "CHF", "TVA", 8, kBooks},
  }};
  return all;
}

constexpr std::array<std::string_view, 6> kThanks = {
    "THANK YOU FOR SHOPPING WITH US", "THANK YOU", "PLEASE COME AGAIN", "HAVE A NICE DAY", "MERCI DE VOTRE VISITE",
    "VIELEN DANK FÜR IHREN EINKAUF"};
constexpr std::array<std::string_view, 6> kPolicies = {"GOODS SOLD ARE NOT RETURNABLE",
                                                       "KEEP THIS RECEIPT FOR YOUR RECORDS",
                                                       "RETURNS WITHIN 14 DAYS WITH RECEIPT",
                                                       "CUSTOMER COPY",
                                                       "OPEN DAILY 8AM - 9PM",
                                                       "PRICES INCLUDE TAX WHERE APPLICABLE"};
constexpr std::array<std::string_view, 4> kNoise = {"--------------------------------",
                                                    "================================", "*", "."};
constexpr std::array<std::string_view, 5> kCashiers = {"ANNA", "JOE", "MEI LING", "SAM", "02"};

std::string money(std::int64_t cents) {
  return fmt::format("{}{}.{:02}", cents < 0 ? "-" : "", std::abs(cents) / 100, std::abs(cents) % 100);
}

/// Sets lines on the page from the top downwards; a price is a line of its own at the right, at the same height.
class Page {
 public:
  explicit Page(Dice& dice) : dice_(dice) {}

  void left(const std::string& text) { place(text, 0.08, false); }
  void centred(const std::string& text) { place(text, std::max(0.05, 0.5 - width_of(text) / 2), false); }
  void with_price(const std::string& text, const std::string& price) {
    const double y = y_;
    place(text, 0.08, false);
    y_ = y;
    place(price, 0.93 - width_of(price), true);
  }
  void gap() { y_ -= 0.6; }

  /// The lines, scaled to a page that they fill.
  std::vector<Line> take() {
    const double height = -y_ + 2;
    const auto scale = [&](Box& box) {
      box.y = (box.y + height - 1) / height;
      box.height /= height;
    };
    for (Line& line : lines_) {
      scale(line.box);
      for (Word& word : line.words) scale(word.box);
    }
    return std::move(lines_);
  }

 private:
  static double width_of(const std::string& text) {
    return std::min(0.84, 0.018 * static_cast<double>(code_points(text).size()));
  }

  /// What a scanner makes of it, now and then.
  std::string scanned(std::string text) {
    if (!dice_.chance(4)) return text;
    for (char& c : text) {
      if (c == 'O' && dice_.chance(50)) c = '0';
      if (c == 'I' && dice_.chance(30)) c = '1';
    }
    return text;
  }

  void place(const std::string& original, double x, bool at_right) {
    const std::string text = scanned(original);
    const double shake = static_cast<double>(dice_.between(-10, 10)) / 100;
    const double confidence = static_cast<double>(dice_.between(82, 100)) / 100;
    Line line{.line_id = static_cast<int>(lines_.size()) + 1,
              .text = text,
              .box = {x, y_ + (at_right ? 0.0 : shake * 0.2), width_of(text), 0.7},
              .confidence = confidence};
    const auto characters = static_cast<double>(std::max<std::size_t>(code_points(text).size(), 1));
    for (const std::string_view word : split_at_blanks(text)) {
      const auto before = static_cast<double>(
          code_points(std::string_view(text).substr(0, static_cast<std::size_t>(word.data() - text.data()))).size());
      Box box = line.box;
      box.x += line.box.width * before / characters;
      box.width = line.box.width * static_cast<double>(code_points(word).size()) / characters;
      line.words.push_back({.word_id = static_cast<int>(line.words.size()) + 1,
                            .text = std::string(word),
                            .box = box,
                            .confidence = confidence});
    }
    lines_.push_back(std::move(line));
    y_ -= 1;
  }

  Dice& dice_;
  std::vector<Line> lines_;
  double y_ = 0;  // of the next line, in lines below the top
};

std::string date_of(Dice& dice) {
  const auto day = dice.between(1, 28);
  const auto month = dice.between(1, 12);
  return dice.chance(60) ? fmt::format("{:02}/{:02}/2025", day, month) : fmt::format("2025-{:02}-{:02}", month, day);
}

void write_head(Page& page, const Merchant& merchant, Dice& dice) {
  page.centred(std::string(merchant.name));
  page.centred(std::string(merchant.street));
  page.centred(std::string(merchant.city));
  page.centred(fmt::format("TEL: {}", merchant.phone));
  if (dice.chance(50))
    page.centred(fmt::format("{} REG NO {}", merchant.tax_name, 100'000 + merchant.name.size() * 7919));
  page.gap();
  page.left(dice.chance(50) ? "TAX INVOICE" : "RECEIPT");
  page.left(fmt::format("DATE: {}", date_of(dice)));
  page.left(fmt::format("TIME: {:02}:{:02}", dice.between(8, 20), dice.between(0, 59)));
  page.left(fmt::format("CASHIER: {}", dice.pick_popular(kCashiers)));
  if (dice.chance(60)) page.left(fmt::format("TILL {}", dice.between(1, 4)));
}

/// The items; their sum.
std::int64_t write_items(Page& page, const Merchant& merchant, Dice& dice) {
  std::int64_t sum = 0;
  page.with_price("DESCRIPTION", "AMOUNT");
  const auto items = std::min(dice.between(3, 14), dice.between(3, 25));
  for (std::int64_t i = 0; i < items; ++i) {
    const Product& product = dice.pick_popular(merchant.products);
    const std::int64_t quantity = dice.chance(70) ? 1 : dice.between(2, 4);
    page.with_price(std::string(product.name), money(quantity * product.price));
    if (quantity > 1) page.left(fmt::format("{} X {}", quantity, money(product.price)));
    sum += quantity * product.price;
  }
  return sum;
}

void write_totals(Page& page, const Merchant& merchant, std::int64_t sum, Dice& dice) {
  page.left(std::string(dice.pick(kNoise)));
  std::int64_t total = sum;
  page.with_price("SUB TOTAL", money(sum));
  if (dice.chance(25)) {
    const std::int64_t discount = sum * dice.between(1, 4) * 5 / 100;
    page.with_price("DISCOUNT", money(-discount));
    total -= discount;
  }
  const std::int64_t tax = total * merchant.tax_percent / 100;
  page.with_price(fmt::format("{} {}%", merchant.tax_name, merchant.tax_percent), money(tax));
  total += tax;
  if (merchant.currency == "RM" && total % 5 != 0) {
    const std::int64_t rounded = (total + 2) / 5 * 5;
    page.with_price("ROUNDING", money(rounded - total));
    total = rounded;
  }
  page.with_price("TOTAL", fmt::format("{}{}", merchant.currency, money(total)));
  if (dice.chance(55)) {
    const std::int64_t note = total <= 2000 ? 2000 : (total + 4999) / 5000 * 5000;
    page.with_price("CASH", money(note));
    page.with_price("CHANGE", money(note - total));
  } else {
    page.with_price(dice.chance(50) ? "VISA" : "MASTERCARD", money(total));
    page.left(fmt::format("CARD ************{:04}", dice.between(0, 9999)));
    page.left("APPROVED");
  }
}

void write_foot(Page& page, Dice& dice) {
  page.gap();
  page.left(std::string(dice.pick(kNoise)));
  if (dice.chance(30)) page.left(fmt::format("POINTS EARNED: {}", dice.between(1, 60)));
  page.centred(std::string(dice.pick_popular(kThanks)));
  if (dice.chance(70)) page.centred(std::string(dice.pick_popular(kPolicies)));
  if (dice.chance(20)) page.left("@ FOLLOW US #SHOPLOCAL");
}

}  // namespace

Receipt sample_receipt(std::uint64_t seed, std::uint64_t index) {
  Dice mixer(seed);
  Dice dice(mixer.next() ^ (index * 0xd1342543de82ef95ULL + 1));
  const Merchant& merchant = dice.pick_popular(merchants());
  Page page(dice);
  write_head(page, merchant, dice);
  const std::int64_t sum = write_items(page, merchant, dice);
  write_totals(page, merchant, sum, dice);
  write_foot(page, dice);
  return {.image_id = ImageId(uuid5(fmt::format("sample {} {}", seed, index))),
          .receipt_id = 1,
          .merchant = std::string(merchant.name),
          .width_px = 600,
          .height_px = 1800,
          .lines = page.take()};
}

}  // namespace tillite
