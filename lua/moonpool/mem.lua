-- moonpool.mem: the memory module, the default instance's `ffi.mem`.
return require "moonpool".mem
