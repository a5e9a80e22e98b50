/// Read by jemalloc at start. Memory that was freed goes back to the system within a second: a server at rest is small.
/// One arena: the loop does nearly all the work.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0,abort_conf:false";
}
