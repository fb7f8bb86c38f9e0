package org.mouselift.data.synth;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.synth.MouseParameters.Build;
import org.mouselift.data.synth.MouseParameters.Pose;
import org.mouselift.data.synth.Part.Tissue;

/**
 * Assembles the primitives of a mouse from its parameters: a spine that is integrated from hip to shoulder, a head on a neck,
 * limbs that reach for the ground where they can, and a tail that falls from the rump and curls on the ground. The mouse is
 * built on the plane z = 0 facing −Y, then turned, centred and, where needed, shrunk to fit {@link #BOX} and {@link #BALL}.
 */
final class MouseAnatomy {
    /** No point of a mouse has a larger coordinate, world units. */
    static final double BOX = 0.8;
    /**
     * No point of a mouse is further from the origin: a camera at distance 2.7 with a field of view of 50° sees the whole
     * ball of radius 2.7 sin 25° = 1.141.
     */
    static final double BALL = 1.09;

    /** World units per unit of the plan below: a stretched trunk becomes about one world unit long. */
    private static final double STANDARD = 1.75;
    private static final int SPINE = 5;
    private static final int TAIL = 22;
    /** Height above the ground over which the tail levels out, and largest change of its slope (sine) from one joint to the next. */
    private static final double LANDING = 0.11;
    private static final double STIFFNESS = 0.16;

    private final MouseParameters parameters;
    private final Build build;
    private final Pose pose;
    private final List<Part> parts = new ArrayList<>();
    private Vec3 forward = new Vec3(0, -1, 0);
    private final Vec3[] spine = new Vec3[SPINE + 1];
    private final Vec3[] heading = new Vec3[SPINE + 1];
    private final double[] girth = new double[SPINE + 1];

    private MouseAnatomy(MouseParameters parameters) {
        this.parameters = parameters;
        this.build = parameters.build();
        this.pose = parameters.pose();
    }

    static MouseShape shape(MouseParameters parameters) {
        return new MouseShape(parts(parameters));
    }

    static List<Part> parts(MouseParameters parameters) {
        MouseAnatomy a = new MouseAnatomy(parameters);
        a.trunk();
        a.hindLimb(1);
        a.hindLimb(-1);
        a.foreLimb(1);
        a.foreLimb(-1);
        a.head();
        a.tail();
        return a.placed();
    }

    // ---- trunk ---------------------------------------------------------------------------------------------------------

    /** Direction of a slope and a turn (degrees; positive turn: to the mouse's left, which is +X when it faces −Y). */
    private static Vec3 direction(double pitch, double turn) {
        double p = Math.toRadians(pitch);
        double t = Math.toRadians(turn);
        return new Vec3(Math.cos(p) * Math.sin(t), -Math.cos(p) * Math.cos(t), Math.sin(p));
    }

    private static Vec3 left(Vec3 heading) {
        return new Vec3(-heading.y(), heading.x(), 0).unit();
    }

    private static Vec3 dorsal(Vec3 heading) {
        return heading.cross(left(heading));
    }

    private double bendAt(double s) {
        return pose.bend() * (s - 0.25);
    }

    private void trunk() {
        double[] profile = {0.132, 0.150, 0.150, 0.136, 0.118, 0.100};
        Vec3 at = new Vec3(0, 0.12, pose.hipHeight());
        double step = 0.39 / SPINE;
        for (int i = 0; i <= SPINE; i++) {
            double s = i / (double) SPINE;
            heading[i] = direction(pose.pitchHip() + s * (pose.pitchShoulder() - pose.pitchHip()), bendAt(s));
            spine[i] = at;
            girth[i] = profile[i] * build.girth() * (1 + (build.rump() - 1) * (1 - s));
            at = at.plus(step, heading[i]);
        }
        // The belly never sinks below the ground: lift the whole spine if a sphere does.
        double lift = 0;
        for (int i = 0; i <= SPINE; i++) {
            lift = Math.max(lift, 0.98 * girth[i] - spine[i].z());
        }
        for (int i = 0; i <= SPINE; i++) {
            spine[i] = spine[i].plus(lift, Vec3.UP);
        }
        Vec3 rear = spine[0].plus(-0.075, heading[0]).plus(-0.01, dorsal(heading[0]));
        parts.add(Part.cone(rear, 0.105 * build.girth() * build.rump(), spine[0], girth[0], 0, Tissue.FUR, dorsal(heading[0])));
        for (int i = 0; i < SPINE; i++) {
            parts.add(Part.cone(spine[i], girth[i], spine[i + 1], girth[i + 1], 0.05, Tissue.FUR, dorsal(heading[i]))
                    .flattened(left(heading[i]), 0.94));
        }
        forward = heading[SPINE];
    }

    // ---- limbs ---------------------------------------------------------------------------------------------------------

    private void hindLimb(int side) {
        Vec3 f = heading[0];
        Vec3 flat = direction(0, bendAt(0));
        Vec3 lateral = left(f).times(side);
        Vec3 up = dorsal(f);
        double size = build.limbs();
        // A rearing mouse swings its thighs forward against the trunk.
        double swing = Math.toRadians(Math.max(0, pose.pitchHip() - 25));
        Vec3 thighAxis = f.rotated(left(f), swing * 0.9);
        Vec3 thigh = spine[0].plus(0.082 * build.girth(), lateral).plus(0.045, thighAxis).plus(-0.042, up);
        thigh = new Vec3(thigh.x(), thigh.y(), Math.max(thigh.z(), 0.105 * size));
        parts.add(Part.ellipsoid(thigh, lateral, thighAxis.orthogonalTo(lateral), 0.062 * size * build.rump(), 0.118 * size * build.rump(),
                0.096 * size * build.rump(), 0.055, Tissue.FUR, up));
        Vec3 ankle = new Vec3(thigh.x(), thigh.y(), 0.026).plus(0.016, lateral).plus(0.035 + pose.stride().get(side > 0 ? 2 : 3), flat.times(-1));
        Vec3 knee = thigh.plus(0.05, flat).plus(0.012, lateral).plus(new Vec3(0, 0, -0.045));
        knee = new Vec3(knee.x(), knee.y(), Math.max(0.05, knee.z()));
        parts.add(Part.cone(knee, 0.044 * size, ankle, 0.022 * size, 0.035, Tissue.FUR, up));
        Vec3 toes = flat.plus(0.22, lateral).unit();
        Vec3 ball = ankle.plus(0.118 * size, toes);
        ball = new Vec3(ball.x(), ball.y(), 0.018);
        parts.add(Part.cone(ankle, 0.021 * size, ball, 0.023 * size, 0.015, Tissue.SKIN, Vec3.UP).flattened(Vec3.UP, 0.72));
        toes(ball, toes, lateral, 0.05 * size, 0.0098 * size, 0.021 * size, Vec3.UP);
    }

    private void foreLimb(int side) {
        Vec3 f = heading[SPINE];
        Vec3 flat = direction(0, bendAt(1));
        Vec3 lateral = left(f).times(side);
        Vec3 up = dorsal(f);
        double size = build.limbs();
        Vec3 shoulder = spine[SPINE - 1].plus(0.066 * build.girth(), lateral).plus(-0.045, up).plus(0.035, f);
        double stride = pose.stride().get(side > 0 ? 0 : 1);
        Vec3 wish = new Vec3(shoulder.x(), shoulder.y(), 0.02).plus(0.035 + stride, flat);
        double upper = 0.092 * size;
        double lower = 0.098 * size;
        boolean standing = shoulder.minus(wish).norm() < 0.98 * (upper + lower);
        Vec3 paw = standing ? wish : shoulder.plus(0.085, f.plus(0.35, flat).unit()).plus(-0.10, up).plus(-0.025, lateral);
        Vec3 reach = paw.minus(shoulder);
        double d = Math.max(reach.norm(), Math.abs(upper - lower) + 1e-3);
        double along = (upper * upper - lower * lower + d * d) / (2 * d);
        double off = Math.sqrt(Math.max(0, upper * upper - along * along));
        Vec3 axis = reach.unit();
        Vec3 back = f.times(-1).plus(0.25, lateral).plus(standing ? 0 : -0.8, up).orthogonalTo(axis);
        Vec3 elbow = shoulder.plus(along, axis).plus(off, back);
        elbow = new Vec3(elbow.x(), elbow.y(), Math.max(elbow.z(), 0.04));
        parts.add(Part.cone(shoulder, 0.052 * size, elbow, 0.036 * size, 0.045, Tissue.FUR, up));
        parts.add(Part.cone(elbow, 0.034 * size, paw, 0.018 * size, 0.025, Tissue.FUR, up));
        Vec3 fingers = standing ? flat.plus(0.12, lateral).unit() : paw.minus(elbow).unit().plus(-0.5, Vec3.UP).unit();
        Vec3 palmUp = standing ? Vec3.UP : up.orthogonalTo(fingers);
        Vec3 palm = paw.plus(0.014 * size, fingers);
        parts.add(Part.cone(paw, 0.018 * size, palm, 0.021 * size, 0.012, Tissue.SKIN, palmUp).flattened(palmUp, 0.75));
        toes(palm, fingers, fingers.cross(palmUp).unit(), 0.034 * size, 0.0082 * size, 0.017 * size, palmUp);
    }

    private void toes(Vec3 ball, Vec3 ahead, Vec3 across, double length, double radius, double spread, Vec3 up) {
        for (int i = 0; i < 4; i++) {
            double s = (i - 1.5) / 1.5;
            Vec3 root = ball.plus(0.8 * spread * s, across);
            Vec3 dir = ahead.plus(0.38 * s, across).unit();
            Vec3 tip = root.plus(length * (1 - 0.18 * s * s), dir).plus(-0.25 * radius, up);
            parts.add(Part.cone(root, radius, tip, 0.72 * radius, 0.006, Tissue.SKIN, up));
        }
    }

    // ---- head ----------------------------------------------------------------------------------------------------------

    private void head() {
        double size = build.head();
        Vec3 look = direction(pose.headPitch(), bendAt(1) + pose.headYaw());
        // The neck leaves the shoulders half way between the trunk's heading and the gaze.
        Vec3 neckDirection = forward.plus(look).plus(0.25, Vec3.UP).unit();
        Vec3 skull = spine[SPINE].plus(0.088 * size, neckDirection).plus(0.012, Vec3.UP);
        skull = new Vec3(skull.x(), skull.y(), Math.max(skull.z(), 0.115 * size));
        if (skull.z() + 0.21 * size * look.z() < 0.06) {
            look = direction(Math.toDegrees(Math.asin((0.06 - skull.z()) / (0.21 * size))), bendAt(1) + pose.headYaw());
        }
        Vec3 lateral = left(look).rotated(look, Math.toRadians(pose.headRoll()));
        Vec3 up = look.cross(lateral);
        parts.add(Part.cone(spine[SPINE], girth[SPINE] * 0.92, skull, 0.088 * size, 0.07, Tissue.FUR, up));
        double reach = 0.185 * build.snout();
        Vec3 brow = skull.plus(0.075 * size, look).plus(-0.004 * size, up);
        Vec3 muzzle = skull.plus(reach * size, look).plus(-0.022 * size, up);
        parts.add(Part.cone(skull, 0.09 * size, brow, 0.072 * size, 0.04, Tissue.FUR, up).flattened(up, 0.95));
        parts.add(Part.cone(brow, 0.066 * size, muzzle, 0.027 * size, 0.03, Tissue.FUR, up));
        Vec3 jaw = skull.plus(0.05 * size, look).plus(-0.04 * size, up);
        parts.add(Part.cone(jaw, 0.052 * size, muzzle.plus(-0.03 * size, look).plus(-0.022 * size, up), 0.017 * size, 0.03, Tissue.FUR, up));
        for (int side = -1; side <= 1; side += 2) {
            Vec3 lat = lateral.times(side);
            parts.add(Part.ball(skull.plus(0.055 * size, look).plus(0.046 * size, lat).plus(-0.022 * size, up), 0.046 * size, 0.04,
                    Tissue.FUR, up));
            parts.add(Part.ball(muzzle.plus(-0.012 * size, look).plus(0.017 * size, lat).plus(-0.006 * size, up), 0.021 * size, 0.02,
                    Tissue.FUR, up));
            ear(skull, look, lat, up, size);
            eye(skull, brow, look, lat, up, size);
        }
        parts.add(Part.ball(muzzle.plus(0.022 * size, look).plus(0.004 * size, up), 0.0125 * size, 0.010, Tissue.NOSE, up));
    }

    private void ear(Vec3 skull, Vec3 look, Vec3 lat, Vec3 up, double headSize) {
        double spread = Math.toRadians(pose.earSpread());
        double back = Math.toRadians(pose.earBack());
        Vec3 stalk = up.times(0.84).plus(0.62 + Math.sin(spread), lat).plus(-0.16 - Math.sin(back), look).unit();
        Vec3 opening = look.times(0.86).plus(0.50 + Math.sin(spread), lat).plus(0.12, up).orthogonalTo(stalk);
        double rim = 0.076 * build.ears();
        double radius = 1.32 * rim;
        double height = -Math.sqrt(radius * radius - rim * rim);
        Vec3 root = skull.plus(0.058 * headSize, up).plus(0.052 * headSize, lat).plus(-0.008 * headSize, look);
        Vec3 rimCentre = root.plus(0.92 * rim, stalk);
        parts.add(Part.bowl(rimCentre.plus(-height, opening), opening, stalk, 1.1, radius, height, 0.0075, 0.022, up));
    }

    private void eye(Vec3 skull, Vec3 brow, Vec3 look, Vec3 lat, Vec3 up, double headSize) {
        double radius = 0.025 * headSize * build.eyes();
        Vec3 axis = skull.lerp(brow, 1.22);
        Vec3 out = lat.times(0.86).plus(0.46, up).plus(0.22, look).unit();
        Vec3 centre = axis.plus(0.064 * headSize - 0.34 * radius, out);
        // The eyeball's frame: z looks out, y is up; the painted highlight is placed in it.
        Vec3 y = up.orthogonalTo(out);
        parts.add(new Part(Part.Kind.ROUND_CONE, centre, y.cross(out), y, out, 1, 1, 1, 0, radius, radius, 0.003, Tissue.EYE, up));
    }

    // ---- tail ----------------------------------------------------------------------------------------------------------

    private void tail() {
        PrimitiveTape body = new PrimitiveTape(parts);
        double damp = 1;
        List<Part> best = tailParts(damp);
        // A curl that would run into the trunk is opened until it passes beside it.
        for (int attempt = 0; attempt < 12 && touches(body, best); attempt++) {
            damp *= 0.8;
            best = tailParts(damp);
        }
        parts.addAll(best);
    }

    private static boolean touches(PrimitiveTape body, List<Part> tail) {
        for (int i = 5; i < tail.size(); i++) {
            Vec3 p = tail.get(i).end();
            if (body.distance(p.x(), p.y(), p.z()) < 0.03) {
                return true;
            }
        }
        return false;
    }

    private List<Part> tailParts(double damp) {
        MouseParameters.Tail t = parameters.tail();
        double base = 0.026 * t.thickness();
        double tip = 0.0065 * t.thickness();
        double step = t.length() / TAIL;
        double turn = bendAt(0) + 180;
        Vec3 at = spine[0].plus(-0.135 * build.girth() * build.rump(), heading[0]);
        at = new Vec3(at.x(), at.y(), Math.max(at.z(), 0.05));
        double sine = Math.sin(Math.toRadians(t.lift() - 0.4 * Math.max(0, pose.pitchHip())));
        List<Part> list = new ArrayList<>();
        for (int i = 0; i < TAIL; i++) {
            double s = i / (double) TAIL;
            double ra = base + (tip - base) * Math.pow(s, 0.8);
            double rb = base + (tip - base) * Math.pow((i + 1.0) / TAIL, 0.8);
            turn += damp * t.turns().get(Math.min(2, 3 * i / TAIL)) / (TAIL / 3.0);
            // It sinks the more slowly the nearer it is to the ground, and lies on it; a raised tip lifts off again.
            double wanted = -Math.min(0.85, (at.z() - 1.05 * rb) / LANDING);
            if (s > 0.62 && t.raise() > 0) {
                wanted = Math.sin(Math.toRadians(t.raise() * (s - 0.62) / 0.38));
            }
            sine += Math.max(-STIFFNESS, Math.min(STIFFNESS, wanted - sine));
            sine = Math.max(-0.95, Math.min(0.95, Math.max(sine, (1.05 * rb - at.z()) / step)));
            Vec3 horizontal = direction(0, turn);
            Vec3 next = at.plus(step * Math.sqrt(1 - sine * sine), horizontal).plus(step * sine, Vec3.UP);
            list.add(Part.cone(at, ra, next, rb, i == 0 ? 0.05 : i < 3 ? 0.02 : 0.004, Tissue.TAIL, Vec3.UP));
            at = next;
        }
        return list;
    }

    // ---- placement -----------------------------------------------------------------------------------------------------

    private List<Part> placed() {
        double yaw = Math.toRadians(parameters.yaw());
        List<Part> turned = new ArrayList<>(parts.size());
        for (Part p : parts) {
            turned.add(p.moved(STANDARD * build.size(), yaw, new Vec3(0, 0, 0)));
        }
        double[][] range = new double[3][];
        for (int axis = 0; axis < 3; axis++) {
            range[axis] = Part.range(turned, axis);
        }
        double hx = (range[0][1] - range[0][0]) / 2;
        double hy = (range[1][1] - range[1][0]) / 2;
        double hz = (range[2][1] - range[2][0]) / 2;
        double fit = Math.min(1, BOX / Math.max(hx, Math.max(hy, hz)));
        fit = Math.min(fit, BALL / Math.sqrt(hx * hx + hy * hy + hz * hz));
        Vec3 shift = new Vec3(-(range[0][0] + range[0][1]) / 2, -(range[1][0] + range[1][1]) / 2, -(range[2][0] + range[2][1]) / 2).times(fit);
        List<Part> placed = new ArrayList<>(parts.size());
        for (Part p : turned) {
            placed.add(p.moved(fit, 0, shift));
        }
        return placed;
    }
}
