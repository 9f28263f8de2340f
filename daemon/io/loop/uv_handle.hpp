// A libuv handle that is closed when its owner goes and freed in its close callback, as libuv
// wants it.
#pragma once

#include <uv.h>

#include <utility>

namespace rategate {

template <class T>
class UvHandle {
 public:
  UvHandle() : handle_(new T{}) { handle_->data = nullptr; }
  ~UvHandle() { close(); }
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;

  // To be called once uv_..._init has succeeded: from then on libuv knows the handle.
  void opened(void* data) {
    handle_->data = data;
    open_ = true;
  }
  void close() {
    T* handle = std::exchange(handle_, nullptr);
    if (handle == nullptr) return;
    if (!open_) {
      delete handle;
      return;
    }
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<T*>(closed); });
  }
  bool is_open() const { return handle_ != nullptr && open_; }
  T* get() const { return handle_; }

 private:
  T* handle_;
  bool open_ = false;
};

}  // namespace rategate
