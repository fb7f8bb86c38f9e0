package org.mouselift.data.synth;

import java.util.List;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.cpu.Workers;

/** Many synthetic mice on one picture, to be looked at by a person. */
public final class ContactSheet {
    private static final int[] PAPER = {236, 236, 232};
    private static final long MAX_PIXELS = 1L << 26;

    private ContactSheet() {
    }

    /**
     * A sheet with {@code views} pictures of every mouse side by side, {@code columns} mice per row.
     *
     * @param views number of views per mouse, spread evenly over the rig
     * @param tile  width and height of one picture, pixels
     * @return RGB
     */
    public static Image8 render(long seed, int first, int count, CameraRig rig, double maxYaw, int views, int columns, int tile) {
        if (count < 1 || views < 1 || views > rig.size() || columns < 1 || tile < 8) {
            throw new IllegalArgumentException("contact sheet: " + count + " mice in " + views + " of " + rig.size() + " views, " + columns
                    + " columns, tiles of " + tile + " pixels: expected at least one of each and tiles of at least 8");
        }
        int rows = Math.ceilDiv(count, columns);
        long width = (long) columns * views * tile;
        long height = (long) rows * tile;
        if (width * height > MAX_PIXELS) {
            throw new IllegalArgumentException("contact sheet: " + width + "×" + height + " pixels are too many; show fewer mice or smaller tiles");
        }
        List<Camera> cameras = SynthMouse.resized(spread(rig, views).cameras(), tile);
        Image8 sheet = Image8.blank((int) width, (int) height, 3);
        for (int i = 0; i < sheet.data().length; i++) {
            sheet.data()[i] = (byte) PAPER[i % 3];
        }
        Workers.each(count, (worker, i) -> {
            SynthMouse mouse = SynthMouse.of(MouseParameters.sample(seed, first + i, maxYaw));
            for (int v = 0; v < views; v++) {
                MouseView view = mouse.render(cameras.get(v));
                Image8 tileImage = Composite.onto(new Image8(tile, tile, 4, view.rgba()), PAPER);
                int left = (i % columns * views + v) * tile;
                for (int y = 0; y < tile; y++) {
                    System.arraycopy(tileImage.data(), 3 * y * tile, sheet.data(), 3 * ((i / columns * tile + y) * (int) width + left), 3 * tile);
                }
            }
        });
        return sheet;
    }

    private static CameraRig spread(CameraRig rig, int views) {
        int[] order = new int[views];
        for (int v = 0; v < views; v++) {
            order[v] = (2 * v + 1) * rig.size() / (2 * views);
        }
        return rig.select(order);
    }
}
