// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace millrace::net {

// A place in at most one list of its kind; leaves it when destroyed. `Kind` tells several hooks of
// one object apart.
template <class Kind>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  [[nodiscard]] bool linked() const { return next_ != this; }
  void unlink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  template <class T, class K>
  friend class IntrusiveList;
  ListHook* previous_ = this;
  ListHook* next_ = this;
};

// Doubly linked list of objects that own their places: O(1) without allocation. Elements outlive
// their membership because a destroyed one unlinks itself. T derives from ListHook<Kind>.
template <class T, class Kind>
class IntrusiveList {
  using Hook = ListHook<Kind>;

 public:
  [[nodiscard]] bool empty() const { return !head_.linked(); }
  [[nodiscard]] T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  // The one after `element`; null at the end.
  [[nodiscard]] T* after(T& element) {
    Hook* next = static_cast<Hook&>(element).next_;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }
  // Takes `element` out of the list of this kind where it is, and appends it here.
  void push_back(T& element) {
    Hook& hook = element;
    hook.unlink();
    hook.previous_ = head_.previous_;
    hook.next_ = &head_;
    head_.previous_->next_ = &hook;
    head_.previous_ = &hook;
  }
  T* pop_front() {
    T* first = front();
    if (first != nullptr) static_cast<Hook*>(first)->unlink();
    return first;
  }

 private:
  Hook head_;
};

}  // namespace millrace::net
