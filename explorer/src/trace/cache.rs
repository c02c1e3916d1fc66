//! A least-recently-used cache bounded by bytes, shared between threads.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One of as many values is removed at a time.
const EVICTED: usize = 16;

/// Values by key. The newest value always stays, however large.
pub struct Cache<K, V: ?Sized> {
    inner: Mutex<Inner<K, V>>,
    limit: usize,
}

struct Inner<K, V: ?Sized> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    clock: u64,
}

struct Entry<V: ?Sized> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: ?Sized> Cache<K, V> {
    /// An empty cache of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let inner = Inner { entries: HashMap::new(), bytes: 0, clock: 0 };
        Self { inner: Mutex::new(inner), limit }
    }

    /// The value of `key`, if it is here.
    pub fn get(&self, key: K) -> Option<Arc<V>> {
        let mut inner = self.lock();
        inner.clock += 1;
        let now = inner.clock;
        let entry = inner.entries.get_mut(&key)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    /// Keeps `value`, which takes about `bytes`, in place of what was used longest ago.
    pub fn put(&self, key: K, value: Arc<V>, bytes: usize) {
        let mut inner = self.lock();
        inner.remove(&key);
        while inner.bytes.saturating_add(bytes) > self.limit && inner.evict() {}
        inner.clock += 1;
        inner.bytes = inner.bytes.saturating_add(bytes);
        let used = inner.clock;
        inner.entries.insert(key, Entry { value, bytes, used });
    }

    /// The value of `key`, made by `make` (value, bytes) if it is not here. Two
    /// threads that ask at once may both make it.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get_or<E>(
        &self,
        key: K,
        make: impl FnOnce() -> Result<(Arc<V>, usize), E>,
    ) -> Result<Arc<V>, E> {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let (value, bytes) = make()?;
        self.put(key, value.clone(), bytes);
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        // Every change leaves it consistent, so a panic elsewhere does no harm.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V: ?Sized> Inner<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    /// Removes what was used longest ago: of many values some, as looking for it takes time.
    fn evict(&mut self) -> bool {
        let mut all: Vec<(u64, K)> = self.entries.iter().map(|(k, e)| (e.used, *k)).collect();
        let last = all.len() / EVICTED;
        if last < all.len() {
            all.select_nth_unstable_by_key(last, |(used, _)| *used);
        }
        all.iter().take(last + 1).for_each(|(_, key)| self.remove(key));
        !all.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::<u32, u32>::new(10);
        cache.put(1, Arc::new(1), 5);
        cache.put(2, Arc::new(2), 5);
        assert!(cache.get(1).is_some());
        cache.put(3, Arc::new(3), 5);
        assert!(cache.get(2).is_none());
        assert!(cache.get(1).is_some() && cache.get(3).is_some());
        cache.put(4, Arc::new(4), 100);
        assert!(cache.get(3).is_none() && cache.get(4).is_some());
    }
}
