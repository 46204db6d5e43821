// The spool of accounting records: one row each.

#include <array>

#include "engine/config/rows.h"

namespace sallyport::config {
namespace {

using enum Presence;

template <auto Member>
constexpr auto accounting = [](Draft& draft) -> auto& { return draft.config.accounting.*Member; };

constexpr std::uint64_t kMiB = 1'048'576;

constexpr std::array kAccountingSettings = std::to_array<Setting>({
    {Section::accounting, "spool", required,
     File{accounting<&Accounting::spool>, File::Kind::later},
     "\"/var/lib/sallyport/accounting.db\"", "",
     "The database's file. It is made when it does not exist."},
    {Section::accounting, "address", optional,
     HostPort{accounting<&Accounting::host>, accounting<&Accounting::port>}, "", "",
     "The accounting server: a name or an address, with a port (1813 without one). Without it, "
     "the downstream's accounting_port, or its port 1813. A name is followed "
     "when its address changes."},
    {Section::accounting, "secret", optional, SecretSource{accounting<&Accounting::secret>}, "", "",
     "The secret shared with that server. Without it, the downstream's."},
    {Section::accounting, "max_records", optional,
     WholeNumber{accounting<&Accounting::max_records>, 1, 100'000'000}, "", "",
     "Records that may wait. Some 100 octets of memory each. When there are as many, new ones are "
     "not acknowledged, so that the client keeps them."},
    {Section::accounting, "max_size", optional,
     size<accounting<&Accounting::max_octets>>(kMiB, kMiB* kMiB), "", "",
     "How large the database's file may grow, with the same outcome."},
    {Section::accounting, "retransmit", optional,
     Duration{accounting<&Accounting::retransmit_ms>, 100, 60'000}, "", "",
     "When a record that the server has not acknowledged is sent again for the first time; the "
     "wait doubles each time (RFC 5080 §2.2.1). Tried for ever."},
});

}  // namespace

std::span<const Setting> accounting_rows() noexcept { return kAccountingSettings; }

}  // namespace sallyport::config
