/** What the hooks take from React, in one place: a bundle repeats the import of each file, and each hook's name with it. */
export {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
