package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.LongConsumer;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.recording.CalibrationPickle;
import org.mouselift.data.recording.RecordingLayout;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.pipeline.video.VideoWriter;

/**
 * A recording of a procedural mouse in the layout of the real one (mouse specification §2.1): six videos, six mask videos and the
 * calibration pickle in millimetres, cameras without lens distortion. {@code truth.json} holds where the mouse is in every frame, so that
 * the whole path from video to data set can be tested against known 3D.
 */
public final class SyntheticRecording {
    public static final String TRUTH = "truth.json";
    /** Millimetres per model unit: the mean camera distance 2.7 becomes that of the real rig. */
    public static final double MILLIMETRES = 331.383 / 2.7;
    /** Millimetres per unit of the mouse, which is 1.6 units long: a body of 80 mm. */
    private static final double BODY = 50;
    private static final double WALK = 22;

    /**
     * What to record.
     *
     * @param width   of the frames; the lens is that of the rig, scaled to the frame's height
     * @param videos  MP4 videos, as the real recording; else folders of numbered PNG frames
     * @param joints  frames at which the recording jumps to another mouse, as a montage does
     * @param defects how far the pictures are from clean ones
     */
    public record Options(long seed, int frames, int width, int height, String rig, boolean videos, BitSet joints, Defects defects) {
        public Options {
            if (frames < 1 || frames > 100_000 || width < 16 || height < 16 || width > 4096 || height > 4096) {
                throw new IllegalArgumentException("synthetic recording: " + frames + " frames of " + width + "x" + height
                        + ", expected 1 to 100000 frames of 16 to 4096 pixels");
            }
            joints = (BitSet) joints.clone();
        }
    }

    /**
     * What makes real pictures differ from rendered ones.
     *
     * @param noise     standard deviation of the sensor noise, grey levels
     * @param blur      radius of a box blur, pixels
     * @param light     brightness at the right border relative to the left one: 1 is even
     * @param cage      whether a patterned floor and bars stand behind the mouse, instead of a plain background
     */
    public record Defects(double noise, int blur, double light, boolean cage) {
        public static final Defects NONE = new Defects(0, 0, 1, true);
        public static final Defects BAD = new Defects(8, 1, 0.5, true);

        public Defects {
            if (!(noise >= 0 && noise <= 64) || blur < 0 || blur > 16 || !(light > 0 && light <= 4)) {
                throw new IllegalArgumentException("synthetic recording: noise " + noise + ", blur " + blur + ", light " + light
                        + "; expected 0 to 64, 0 to 16 and 0 < light ≤ 4");
            }
        }
    }

    private final Path folder;
    private final Options options;
    private final CameraRig rig;

    private SyntheticRecording(Path folder, Options options) {
        this.folder = folder;
        this.options = options;
        this.rig = rig(options);
    }

    /** The cameras in millimetres, of whole frames. */
    public static CameraRig rig(Options options) {
        CameraRig model = RigCatalog.named(options.rig);
        double scale = 2.7 / model.meanDistance();
        return Similarity.scale(scale * MILLIMETRES).apply(model).map(c -> {
            Intrinsics k = c.intrinsics();
            double s = (double) options.height / k.height();
            // Wider or narrower frames see more or less at the sides; the lens stays.
            return c.withIntrinsics(new Intrinsics(s * k.fx(), s * k.fy(), s * k.cx() + (options.width - s * k.width()) / 2, s * k.cy(), options.width, options.height));
        });
    }

    /** Where the mouse's centre is in a frame, millimetres: a walk around the origin. */
    public static Vector3D position(Options options, int frame) {
        double t = 2 * Math.PI * frame / 120.0 + options.seed % 97;
        return new Vector3D(WALK * Math.cos(t), WALK * Math.sin(1.7 * t), 3 * Math.sin(3 * t));
    }

    /** Writes the recording. @param progress told 1 for each frame */
    public static void write(Path folder, Options options, LongConsumer progress) throws IOException {
        new SyntheticRecording(folder, options).run(progress);
    }

    private void run(LongConsumer progress) throws IOException {
        Path videos = folder.resolve(RecordingLayout.VIDEOS);
        Path masks = folder.resolve(RecordingLayout.MASKS);
        if (Files.exists(videos) || Files.exists(masks)) {
            throw new MouseDataException(folder, "holds a recording already", "choose an empty folder");
        }
        Files.createDirectories(videos);
        Files.createDirectories(masks);
        List<FrameWriter> pictures = new ArrayList<>();
        List<FrameWriter> silhouettes = new ArrayList<>();
        try {
            for (int i = 0; i < rig.size(); i++) {
                pictures.add(new FrameWriter(videos, i, options.videos));
                silhouettes.add(new FrameWriter(masks, i, options.videos));
            }
            ArrayNode truth = JsonNodeFactory.instance.arrayNode();
            int mouse = 0;
            for (int f = 0; f < options.frames; f++) {
                mouse += options.joints.get(f) ? 1 : 0;
                frame(f, mouse, pictures, silhouettes, truth);
                progress.accept(1);
            }
            for (int i = 0; i < rig.size(); i++) {
                pictures.get(i).finish();
                silhouettes.get(i).finish();
            }
            ObjectNode root = JsonNodeFactory.instance.objectNode().put("seed", options.seed).put("rig", options.rig).put("unit", "mm")
                    .put("population", SynthMouse.POPULATION).put("joints", options.joints.toString());
            root.set("frames", truth);
            SampleFolder.json(folder.resolve(TRUTH), root);
        } finally {
            for (FrameWriter w : pictures) {
                w.close();
            }
            for (FrameWriter w : silhouettes) {
                w.close();
            }
        }
        CalibrationPickle.write(folder.resolve("new_cam.pkl"), rig.cameras().stream().map(MammalCamera::of).toList());
    }

    private void frame(int f, int mouse, List<FrameWriter> pictures, List<FrameWriter> silhouettes, ArrayNode truth) throws IOException {
        MouseParameters p = MouseParameters.sample(options.seed, mouse, 0);
        double yaw = (6.0 * f + 90 * mouse) % 360;
        SynthMouse subject = SynthMouse.of(new MouseParameters(p.seed(), p.index(), p.build(), p.pose(), p.tail(), p.coat(), p.light(), yaw));
        Vector3D at = position(options, f);
        // The mouse stays in the middle of its own world and the cameras move: the same pictures.
        Similarity toMouse = Similarity.translate(at.negate()).then(Similarity.scale(1 / BODY));
        List<Camera> cameras = toMouse.apply(rig).cameras();
        List<MouseView> views = subject.render(cameras);
        for (int i = 0; i < views.size(); i++) {
            pictures.get(i).add(picture(views.get(i), f, i));
            silhouettes.get(i).add(new Image8(options.width, options.height, 1, views.get(i).mask()).toRgb());
        }
        ObjectNode o = truth.addObject().put("frame", f).put("mouse", mouse).put("yaw", yaw);
        o.putArray("center").add(at.getX()).add(at.getY()).add(at.getZ());
    }

    private Image8 picture(MouseView view, int frame, int camera) {
        Defects d = options.defects;
        SplittableRandom random = new SplittableRandom(options.seed * 1_000_003 + frame * 64L + camera);
        byte[] out = new byte[3 * view.width() * view.height()];
        for (int y = 0; y < view.height(); y++) {
            for (int x = 0; x < view.width(); x++) {
                int i = y * view.width() + x;
                int alpha = view.rgba()[4 * i + 3] & 0xFF;
                int back = !d.cage ? 128 : x % 32 < 3 ? 60 : (x / 16 + y / 16) % 2 == 0 ? 150 : 165;
                double light = 1 + (d.light - 1) * x / view.width();
                for (int c = 0; c < 3; c++) {
                    double v = ((view.rgba()[4 * i + c] & 0xFF) * alpha + back * (255 - alpha)) / 255.0;
                    out[3 * i + c] = (byte) Math.clamp(Math.round(v * light), 0, 255);
                }
            }
        }
        Image8 image = new Image8(view.width(), view.height(), 3, d.blur == 0 ? out : blurred(out, view.width(), view.height(), d.blur));
        if (d.noise > 0) {
            for (int i = 0; i < image.data().length; i++) {
                image.data()[i] = (byte) Math.clamp(Math.round((image.data()[i] & 0xFF) + d.noise * random.nextGaussian()), 0, 255);
            }
        }
        return image;
    }

    private static byte[] blurred(byte[] in, int w, int h, int radius) {
        byte[] out = new byte[in.length];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                for (int c = 0; c < 3; c++) {
                    int sum = 0;
                    int n = 0;
                    for (int v = Math.max(0, y - radius); v <= Math.min(h - 1, y + radius); v++) {
                        for (int u = Math.max(0, x - radius); u <= Math.min(w - 1, x + radius); u++) {
                            sum += in[3 * (v * w + u) + c] & 0xFF;
                            n++;
                        }
                    }
                    out[3 * (y * w + x) + c] = (byte) (sum / n);
                }
            }
        }
        return out;
    }

    /** A video, or a folder of numbered pictures. */
    private static final class FrameWriter implements AutoCloseable {
        private final Path frames;
        private final VideoWriter video;
        private int count;

        FrameWriter(Path folder, int camera, boolean asVideo) throws IOException {
            frames = folder.resolve(Integer.toString(camera));
            video = asVideo ? VideoWriter.create(folder.resolve(camera + ".mp4"), 30) : null;
            if (!asVideo) {
                Files.createDirectories(frames);
            }
        }

        void add(Image8 rgb) throws IOException {
            if (video != null) {
                video.add(rgb);
            } else {
                Files.write(frames.resolve(String.format(Locale.ROOT, "%06d.png", count)), PngWriter.encode(rgb));
            }
            count++;
        }

        void finish() throws IOException {
            if (video != null) {
                video.finish();
            }
        }

        @Override
        public void close() throws IOException {
            if (video != null) {
                video.close();
            }
        }
    }
}
