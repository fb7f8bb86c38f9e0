package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KernelWatchTest {
    private static final double FLOPS = 1e9;
    private static final long STUCK = 1_000_000_000L;
    private static final long HEALTHY = 10_000_000L;
    private static final Logger LOG = Logger.getLogger(KernelWatch.class.getName());

    private final List<String> messages = new ArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord record) {
            messages.add(record.getMessage());
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
        }
    };

    @BeforeEach
    void listen() {
        KernelWatch.reset();
        LOG.addHandler(handler);
        LOG.setUseParentHandlers(false);
    }

    @AfterEach
    void silence() {
        LOG.removeHandler(handler);
        LOG.setUseParentHandlers(true);
        KernelWatch.reset();
    }

    private static int reports(int calls, long nanos, long secondsApart) {
        int reports = 0;
        for (int i = 0; i < calls; i++) {
            reports += KernelWatch.judge(FLOPS, nanos, i * secondsApart * 1_000_000_000L) ? 1 : 0;
        }
        return reports;
    }

    @Test
    void aStuckKernelIsReportedOnceWithTheRemedy() {
        assertEquals(1, reports(100, STUCK, 1));
        assertTrue(KernelWatch.reported());
        assertEquals(1, messages.size());
        assertTrue(messages.getFirst().contains("-XX:Tier3DelayOn=1000") && messages.getFirst().contains("conf/jvm.options")
                && messages.getFirst().contains("1.00 GFLOP/s"), messages.getFirst());
    }

    @Test
    void largeProductsAreWatchedAndSmallOnesAreNot() {
        int n = 480;
        MemorySegment x = MemorySegment.ofArray(new float[n * n]);
        MemorySegment c = MemorySegment.ofArray(new float[n * n]);
        Matrix a = Matrix.rowMajor(x, 0, n);
        Gemm.multiply(64, n, n, a, a, c, 0, n);
        assertEquals(0, KernelWatch.judged());
        Gemm.multiply(n, n, n, a, a, c, 0, n);
        assertEquals(1, KernelWatch.judged());
    }

    @Test
    void attentionIsWatchedInBothDirections() {
        int t = 320;
        int d = 512;
        MemorySegment x = MemorySegment.ofArray(new float[t * d]);
        Heads heads = Heads.contiguous(x, 0, 1, t, d);
        MemorySegment lse = MemorySegment.ofArray(new float[t]);
        Heads out = Heads.contiguous(MemorySegment.ofArray(new float[t * d]), 0, 1, t, d);
        FlashAttention.forward(1, 1, t, t, d, 1f, heads, heads, heads, out, lse, 0);
        assertEquals(1, KernelWatch.judged());
        Heads[] gradients = new Heads[3];
        for (int i = 0; i < 3; i++) {
            gradients[i] = Heads.contiguous(MemorySegment.ofArray(new float[t * d]), 0, 1, t, d);
        }
        FlashAttentionGradient.backward(1, 1, t, t, d, 1f, heads, heads, heads, out, out, lse, 0, gradients[0], gradients[1], gradients[2]);
        assertEquals(2, KernelWatch.judged());
    }

    @Test
    void slownessDuringWarmUpIsNotReported() {
        assertEquals(0, reports(KernelWatch.WARM_CALLS, STUCK, 10));
        KernelWatch.reset();
        assertEquals(0, reports(1000, STUCK, 0), "many calls within the first seconds");
        assertFalse(KernelWatch.reported());
    }

    @Test
    void aHealthyKernelWithOneHiccupIsNotReported() {
        assertEquals(0, reports(30, HEALTHY, 1));
        assertFalse(KernelWatch.judge(FLOPS, STUCK, 40_000_000_000L));
        assertFalse(KernelWatch.judge(FLOPS, HEALTHY, 41_000_000_000L));
        assertFalse(KernelWatch.judge(FLOPS, STUCK, 42_000_000_000L));
        assertTrue(messages.isEmpty());
    }
}
