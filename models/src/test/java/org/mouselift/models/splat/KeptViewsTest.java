package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class KeptViewsTest {
    private static final int SIDE = 40, PIXELS = SIDE * SIDE;
    private static final List<SplatCamera> CAMERAS = List.of(Scenes.camera(SIDE, SIDE, 0), Scenes.camera(SIDE, SIDE, 70), Scenes.camera(SIDE, SIDE, 200));
    private static final SplatRender OPERATION = new SplatRender(CAMERAS, 1, 0.5f, 0, 1);
    private static final GaussianParameters FIRST = Scenes.random(3, 2000, 1, 0.35, -3, -0.5), SECOND = Scenes.random(4, 1500, 1, 0.35, -3, -0.5);

    private static GaussianParameters backward(KeptViews views, GaussianParameters g) {
        GaussianParameters gradients = g.zerosLike();
        views.backward(OPERATION, g, i -> MemorySegment.ofArray(Scenes.uniform(10 + i, 3 * PIXELS)), i -> MemorySegment.ofArray(Scenes.uniform(20 + i, PIXELS)),
            gradients);
        return gradients;
    }

    private static void render(KeptViews views, GaussianParameters g, boolean keep) {
        List<SplatImage> images = new ArrayList<>();
        CAMERAS.forEach(c -> images.add(SplatImage.allocate(SIDE, SIDE)));
        views.render(OPERATION, g, images, keep);
    }

    private static void assertSame(GaussianParameters a, GaussianParameters b) {
        for (int i = 0; i < 5; i++) {
            assertEquals(-1, Scenes.segments(a)[i].mismatch(Scenes.segments(b)[i]), "gradient group " + i);
        }
    }

    /** What a rasterizer without any keeping gives. */
    private static GaussianParameters direct(GaussianParameters g) {
        SplatRasterizer r = new SplatRasterizer();
        GaussianParameters gradients = g.zerosLike();
        for (int i = 0; i < CAMERAS.size(); i++) {
            r.render(g, CAMERAS.get(i), new float[] {1, 0.5f, 0}, 1, SplatImage.allocate(SIDE, SIDE));
            r.backward(MemorySegment.ofArray(Scenes.uniform(10 + i, 3 * PIXELS)), MemorySegment.ofArray(Scenes.uniform(20 + i, PIXELS)), null, gradients, null);
        }
        return gradients;
    }

    @Test
    void keptViewsGiveTheBitsOfRenderingAgain() {
        KeptViews views = new KeptViews(1 << 28);
        render(views, FIRST, true);
        render(views, SECOND, true);
        assertEquals(6, views.views());
        assertSame(direct(SECOND), backward(views, SECOND));
        assertEquals(3, views.views());
        assertSame(direct(FIRST), backward(views, FIRST));
        assertEquals(0, views.views());
        long held = views.bytes();
        render(views, FIRST, true);
        render(views, SECOND, true);
        backward(views, FIRST);
        backward(views, SECOND);
        assertTrue(views.bytes() <= 1.3 * held, "buffers are used again: " + held + " bytes, then " + views.bytes());
    }

    @Test
    void theBoundHoldsAndChangesNoResult() {
        KeptViews all = new KeptViews(1 << 28);
        render(all, FIRST, true);
        long whole = all.bytes();
        for (long limit : new long[] {0, whole / 2, 3 * whole / 4, whole, 3 * whole / 2}) {
            KeptViews views = new KeptViews(limit);
            render(views, FIRST, true);
            render(views, SECOND, true);
            assertTrue(views.bytes() <= limit, views.bytes() + " bytes kept, limit " + limit);
            assertSame(direct(FIRST), backward(views, FIRST));
            assertSame(direct(SECOND), backward(views, SECOND));
        }
    }

    @Test
    void changedGaussiansAreRenderedAgain() {
        KeptViews views = new KeptViews(1 << 28);
        GaussianParameters g = FIRST.zerosLike();
        for (int i = 0; i < 5; i++) {
            Scenes.segments(g)[i].copyFrom(Scenes.segments(FIRST)[i]);
        }
        render(views, g, true);
        g.sh().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, 17, 2f);
        assertSame(direct(g), backward(views, g));
        assertEquals(3, views.views(), "the view of the old Gaussians still waits");
    }

    @Test
    void nothingIsKeptWhereNoGradientWillBeAsked() {
        KeptViews views = new KeptViews(1 << 28);
        render(views, FIRST, false);
        assertEquals(0, views.bytes());
        assertSame(direct(FIRST), backward(views, FIRST));
    }
}
