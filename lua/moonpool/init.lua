-- moonpool: the default instance. All of it lives in the C module.
return require "moonpool.core"
