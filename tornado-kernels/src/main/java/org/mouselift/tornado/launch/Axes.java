package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;

/**
 * Axes of several windows of one shape with as few axes as possible: those of size 1 are dropped, neighbours that every window
 * walks through without a jump become one.
 *
 * @param sizes at least one
 * @param steps for each window the steps of the axes
 */
record Axes(long[] sizes, List<long[]> steps) {
    static Axes merged(long[] dims, List<long[]> windows) {
        List<Long> sizes = new ArrayList<>();
        List<List<Long>> steps = new ArrayList<>();
        windows.forEach(w -> steps.add(new ArrayList<>()));
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] == 1) {
                continue;
            }
            int axis = i;
            int last = sizes.size() - 1;
            boolean joins = last >= 0;
            for (int w = 0; w < windows.size() && joins; w++) {
                joins = steps.get(w).get(last) == windows.get(w)[axis] * dims[axis];
            }
            if (joins) {
                sizes.set(last, sizes.get(last) * dims[axis]);
            } else {
                sizes.add(dims[axis]);
            }
            for (int w = 0; w < windows.size(); w++) {
                if (joins) {
                    steps.get(w).set(last, windows.get(w)[axis]);
                } else {
                    steps.get(w).add(windows.get(w)[axis]);
                }
            }
        }
        if (sizes.isEmpty()) {
            sizes.add(1L);
            steps.forEach(s -> s.add(0L));
        }
        return new Axes(array(sizes), steps.stream().map(Axes::array).toList());
    }

    private static long[] array(List<Long> list) {
        return list.stream().mapToLong(Long::longValue).toArray();
    }
}
