#include "base/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"

namespace tillite {

void Descriptor::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Descriptor::do_not_block() const { ::fcntl(fd_, F_SETFL, O_NONBLOCK); }

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_error(errno, "making a pipe", {}));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace tillite
